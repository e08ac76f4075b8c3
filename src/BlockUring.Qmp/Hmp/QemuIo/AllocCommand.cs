namespace BlockUring.Qmp.Hmp.QemuIo;

/// <summary>alloc: how much of a range the node's own layer holds.</summary>
internal sealed class AllocCommand : QemuIoCommand
{
    private const long SectorBytes = 512;

    public AllocCommand()
        : base("alloc", "checks if offset is allocated in the file")
    {
        ShortName = "a";
        (MinArguments, MaxArguments, Usage) = (1, 2, "offset [count]");
    }

    /// <inheritdoc/>
    public override async ValueTask RunAsync(QemuIoCall call)
    {
        var count = SectorBytes;
        if (!call.TryParseSize(call.Arguments[0], out var offset))
            return;
        if (call.Arguments.Count > 1 && !call.TryParseSize(call.Arguments[1], out count))
            return;
        long allocated = 0;
        count = Math.Min(count, Math.Max(0, call.Node.Length - offset));
        var isDone = await call.TryRequestAsync("is_allocated", async node =>
        {
            for (var at = offset; at < offset + count;)
            {
                var status = await node.GetLayerStatusAsync(at, offset + count - at, wantZero: false);
                allocated += status.IsAllocated ? status.Length : 0;
                at += status.Length;
            }
        });
        if (isDone)
            call.Print($"{allocated}/{count} bytes allocated at offset {QemuIoReport.Size(offset)}");
    }
}
