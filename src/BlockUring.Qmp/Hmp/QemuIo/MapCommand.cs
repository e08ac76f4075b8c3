using BlockUring.Graph;

namespace BlockUring.Qmp.Hmp.QemuIo;

/// <summary>map: what the node's own layer holds.</summary>
internal sealed class MapCommand() : QemuIoCommand("map", "prints the allocated areas of a file")
{
    /// <inheritdoc/>
    public override async ValueTask RunAsync(QemuIoCall call) => await call.TryRequestAsync(Name, async node =>
    {
        for (long offset = 0; offset < node.Length;)
        {
            var (isAllocated, length) = await FindRunAsync(node, offset);
            var state = isAllocated ? "    allocated" : "not allocated";
            call.Print(
                $"{QemuIoReport.Size(length)} (0x{length:x}) bytes {state} at offset {QemuIoReport.Size(offset)} (0x{offset:x})");
            offset += length;
        }
    });

    private static async ValueTask<(bool IsAllocated, long Length)> FindRunAsync(BlockNode node, long offset)
    {
        var first = await node.GetLayerStatusAsync(offset, node.Length - offset, wantZero: false);
        var end = offset + first.Length;
        while (end < node.Length)
        {
            var next = await node.GetLayerStatusAsync(end, node.Length - end, wantZero: false);
            if (next.IsAllocated != first.IsAllocated)
                break;
            end += next.Length;
        }

        return (first.IsAllocated, end - offset);
    }
}
