using BlockUring.Native.Interop;
using BlockUring.Storage;

namespace BlockUring.Graph.Filters;

/// <summary>"compress".</summary>
internal sealed class CompressDriver : NodeDriver
{
    public override string Name => "compress";

    public override async ValueTask<BlockNode> OpenAsync(NodeOpening opening)
    {
        var below = await opening.ChildAsync("file", opening.StorageDefaults());
        if ((below as FormatNode)?.Image.Format.Compression is not { } type)
        {
            throw new BlockException(
                BlockErrorKind.Unsupported, $"Compression is not supported for underlying format: {below.DriverName}", Errno.ENOTSUP);
        }

        var node = new CompressNode(opening.Name, opening.Settings, opening.Graph.Scheduler, type);
        node.AddChild("file", LinkRole.Filtered, below);
        return node;
    }
}
