using BlockUring.Bitmaps;
using BlockUring.Copy;
using BlockUring.Storage;

namespace BlockUring.Graph.Filters;

/// <summary>"copy-before-write" by blockdev-add: a snapshot to be read through a snapshot-access node.</summary>
internal sealed class CopyBeforeWriteDriver : NodeDriver
{
    public override string Name => "copy-before-write";

    public override async ValueTask<BlockNode> OpenAsync(NodeOpening opening)
    {
        var options = new CopyBeforeWriteOptions(TakeBreaks(opening), TimeSpan.FromSeconds(opening.TakeSize("cbw-timeout") ?? 0));
        var wanted = TakeBitmap(opening);
        var minCluster = opening.TakeSize("min-cluster-size") ?? 0;
        var source = await opening.ChildAsync("file", opening.StorageDefaults());
        var target = await opening.ChildAsync("target", opening.StorageDefaults() with { ReadOnly = false });
        var copy = SnapshotCopies.Make(opening.Graph, source, target, new SnapshotCopySettings(), minCluster);
        if (wanted == null)
            copy.Pending.SetAll();
        else
            SnapshotCopies.Restrict(copy, source, wanted);

        return SnapshotCopies.Link(
            new CopyBeforeWriteNode(opening.Name, opening.Settings, opening.Graph.Scheduler, copy, options), source, target);
    }

    private static bool TakeBreaks(NodeOpening opening) => opening.Take("on-cbw-error") switch
    {
        null or "break-guest-write" => false,
        "break-snapshot" => true,
        var other => throw new BlockException(BlockErrorKind.Invalid, $"Parameter 'on-cbw-error' does not accept value '{other}'"),
    };

    private static DirtyBitmap? TakeBitmap(NodeOpening opening)
    {
        var node = opening.Take("bitmap.node");
        var name = opening.Take("bitmap.name");
        if (node == null || name == null)
            return null;
        return opening.Graph.Find(node).Bitmaps.Get(name);
    }
}
