using BlockUring.Graph;
using BlockUring.Storage;

namespace BlockUring.Jobs.Commit;

/// <summary>What a request for a commit must keep to, of an active layer or not.</summary>
internal static class CommitDemands
{
    /// <summary>Checks a request; its nodes form a chain.</summary>
    /// <exception cref="BlockException">What is wrong.</exception>
    public static void Check(CommitRequest request)
    {
        if (NodeChain.SkipFilters(request.Top) == NodeChain.SkipFilters(request.Base))
            throw new BlockException(BlockErrorKind.Invalid, "Invalid files for merge: top and base are the same");
        if (!request.InvalidatesOverlays && request.Protection == null)
            DemandNoOtherOverlay(request);
    }

    /// <summary>
    /// The images outside the chain from top to base that show something else once the commit has begun: those over the base, or over a node
    /// between, whatever filters are on the way. Top's own overlays see no difference.
    /// </summary>
    public static IEnumerable<FormatNode> OtherOverlays(CommitRequest request)
    {
        var changing = new HashSet<BlockNode>(NodeChain.Above(request.Base, request.Top));
        for (var node = request.Base; node != null; node = node.Find(LinkRole.Filtered)?.Node)
            changing.Add(node);
        // Why not top: what it holds not itself comes from below, where the commit puts nothing but what top shows.
        var bottomOfTop = NodeChain.SkipFilters(request.Top);
        return NodeChain.Above(request.Base, bottomOfTop).Skip(1)
            .Concat(changing.Except(NodeChain.Above(request.Base, request.Top)))
            .SelectMany(NodeChain.OverlaysOf)
            .Where(o => !changing.Contains(o))
            .Distinct();
    }

    private static void DemandNoOtherOverlay(CommitRequest request)
    {
        if (OtherOverlays(request).FirstOrDefault() is not { } overlay)
            return;
        throw new BlockException(
            BlockErrorKind.Locked,
            $"Node '{overlay.Name}' has a backing file that this commit changes, and would show other data: delete the node, stream its backing "
            + "files into it first, or allow that with 'invalidate-overlays'");
    }
}
