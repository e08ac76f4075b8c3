using System.Numerics;
using BlockUring.Bitmaps;
using BlockUring.Graph;
using BlockUring.Jobs.Backup;
using BlockUring.Storage;

namespace BlockUring.Jobs.Mirror;

/// <summary>What a request for a mirror must keep to, with QEMU's words for what it does not.</summary>
internal static class MirrorDemands
{
    private const long MaxGranularity = 64 << 20;

    public static void Check(BlockGraph graph, MirrorRequest request)
    {
        var (source, target) = (request.Source, request.Target);
        if (request.Granularity != 0 && request.Granularity is < DirtyBitmap.MinGranularity or > MaxGranularity)
            throw Invalid("Parameter 'granularity' expects a value in range [512B, 64MB]");
        if (request.Granularity != 0 && !BitOperations.IsPow2(request.Granularity))
            throw Invalid("Parameter 'granularity' expects a power of 2");
        source.Blockers.Demand(source.Name, NodeOperation.MirrorSource);
        target.Blockers.Demand(target.Name, NodeOperation.MirrorTarget);
        if (request.Replaces != null)
            DemandReplaceable(graph, request);
        if (request.BufferLength < 0)
            throw Invalid("Invalid parameter 'buf-size'");
        if (source.Layer == target.Layer)
            throw Invalid("Can't mirror node into itself");
        if (GraphEditor.Reaches(source, target) || ShowsThrough(source, target))
            throw Invalid($"Node '{target.Name}' is part of the chain of '{source.Name}': use block-commit to write layers into it");
        request.Bitmap?.Demand(request.BitmapMode == BitmapMode.Never ? BitmapDemands.Readable : BitmapDemands.All);
    }

    /// <summary>The node whose place the target is to take.</summary>
    /// <exception cref="BlockException">It is not there any more, or showing the target in its place would change what is seen.</exception>
    public static BlockNode FindReplaced(BlockGraph graph, MirrorRequest request)
    {
        if (request.Replaces is not { } name)
            return NodeChain.From(request.Source).First(n => !n.IsImplicit);
        var node = graph.TryFind(name) ?? throw new BlockException(BlockErrorKind.NotFound, $"Node name '{name}' not found");
        if (!CanReplace(request.Source, node))
        {
            throw Invalid(
                $"Can no longer replace '{name}' by '{request.Target.Name}', because it can no longer be guaranteed that doing so would not " +
                "lead to an abrupt change of visible data");
        }

        return node;
    }

    private static void DemandReplaceable(BlockGraph graph, MirrorRequest request)
    {
        var name = request.Replaces!;
        var node = graph.TryFind(name) ?? throw new BlockException(BlockErrorKind.NotFound, $"Failed to find node with node-name='{name}'");
        node.Blockers.Demand(name, NodeOperation.Replace);
        if (!CanReplace(request.Source, node))
        {
            throw Invalid(
                $"Cannot replace '{name}' by a node mirrored from '{request.Source.Name}', because it cannot be guaranteed that doing so would " +
                "not lead to an abrupt change of visible data");
        }

        if (node.Length != request.Source.Length)
            throw Invalid("cannot replace image with a mirror image of different size");
    }

    // What shows the same disk: the source, and below it what is behind filters alone.
    private static bool CanReplace(BlockNode source, BlockNode node)
    {
        while (source != node && source is { IsFilter: true, Primary: { } primary })
            source = primary.Node;
        return source == node;
    }

    // A filter on a node of the chain.
    private static bool ShowsThrough(BlockNode source, BlockNode target)
    {
        for (var disk = source.Backing; disk != null; disk = disk.Backing)
        {
            if (disk.Layer == target.Layer)
                return true;
        }

        return false;
    }

    private static BlockException Invalid(string message) => new(BlockErrorKind.Invalid, message);
}
