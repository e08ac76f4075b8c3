using BlockUring.Graph;
using BlockUring.Storage;

namespace BlockUring.Jobs.Stream;

/// <summary>What a request for a stream must keep to, with QEMU's words for what it does not.</summary>
internal static class StreamDemands
{
    public static void Check(StreamRequest request, StreamChain chain)
    {
        foreach (var node in (BlockNode[])[.. chain.Upper, .. chain.Lower])
            node.Blockers.Demand(node.Name, NodeOperation.Stream);
        foreach (var node in (BlockNode[])[.. chain.Upper, .. chain.Lower])
        {
            if (node != chain.AboveBase)
                NodeChain.LinkBelow(node)?.DemandNotFrozen();
        }

        if (request.BackingFile != null && request.Base == null)
            throw new BlockException(BlockErrorKind.Invalid, "backing file specified, but streaming the entire chain");

        // Why now, and not when all is copied: it would be for nothing.
        if (chain.Overlay.BackingLink != null && chain.Base is { } below && request.BackingFile == null)
            StreamBackingName.Demand(below);
    }
}
