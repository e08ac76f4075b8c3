using BlockUring.Graph;
using BlockUring.Storage;

namespace BlockUring.Jobs.Stream;

/// <summary>What a streamed image's header says of its backing file.</summary>
internal static class StreamBackingName
{
    /// <summary>Throws unless a base can be opened again by its file name alone.</summary>
    public static void Demand(BlockNode below)
    {
        var layer = NodeChain.SkipFilters(below);
        var isPart = layer.GivenOptions.Get("offset") != null || layer.GivenOptions.Get("size") != null;
        if (layer.FileName.Length == 0 || (isPart && layer is FormatNode))
        {
            throw new BlockException(
                BlockErrorKind.Unsupported, $"Node '{layer.Name}' has no file name that an image could refer to; specify 'backing-file'");
        }
    }

    /// <summary>The name and the format to write; nulls for no backing file.</summary>
    public static (string? Name, string? Format) For(StreamRequest request, BlockNode overlay, BlockNode? below)
    {
        if (below == null)
            return default;
        if (request.BackingFile == null)
            Demand(below);
        var layer = NodeChain.SkipFilters(below);
        return (
            request.BackingFile ?? BackingName.NameFrom(overlay.FileName, layer.FileName),

            // Why not the name of a protocol, which QEMU 7.2 writes: headers name formats.
            layer is FormatNode ? layer.DriverName : "raw");
    }
}
