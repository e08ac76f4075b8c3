using BlockUring.Storage;

namespace BlockUring.Graph;

/// <summary>"file" and "host_device": a file or a device of the host.</summary>
internal sealed class FileDriver : NodeDriver
{
    private static readonly string[] Ignored = ["aio", "aio-max-batch", "drop-cache", "x-check-cache-dropped", "pr-manager"];

    public FileDriver(string name) => Name = name;

    public override string Name { get; }

    public override bool IsProtocol => true;

    public override async ValueTask<BlockNode> OpenAsync(NodeOpening opening)
    {
        var path = opening.Take("filename") ?? "";
        if (path.Length == 0)
            throw new BlockException(BlockErrorKind.Invalid, $"The '{Name}' block driver requires a file name");
        var locking = opening.Take("locking") switch
        {
            null or "auto" or "on" => true,
            "off" => false,
            _ => throw new BlockException(BlockErrorKind.Invalid, "Parameter 'locking' does not accept that value"),
        };
        foreach (var name in Ignored)
            opening.Take(name);
        var node = await ProtocolNode.OpenAsync(opening.Name, Name, opening.Settings, how => opening.Graph.Host.OpenAsync(path, how), locking);
        if (Name == "host_device" && node.File.CanGrow)
        {
            await node.CloseAsync();
            throw new BlockException(BlockErrorKind.Invalid, $"'host_device' driver requires '{path}' to be either a character or block device");
        }

        return node;
    }
}
