using BlockUring.Bitmaps;
using BlockUring.Graph;
using BlockUring.Qmp.Commands.Bitmaps;

namespace BlockUring.Qmp.Commands.Transactions;

/// <summary>block-dirty-bitmap-add.</summary>
internal sealed class BitmapAddAction(MonitorContext context, BitmapAddArguments arguments) : TransactionAction
{
    // What is chosen when nobody says: a cluster, but no less and no more than this.
    private const int MinDefaultGranularity = 4 << 10;
    private const int MaxDefaultGranularity = 64 << 10;

    private DirtyBitmap? added;

    /// <inheritdoc/>
    public override IReadOnlyList<string> Nodes => [arguments.Node];

    /// <inheritdoc/>
    public override ValueTask PrepareAsync()
    {
        if (arguments.Name.Length == 0)
            throw new QmpException("Bitmap name cannot be empty");
        var node = context.FindDevice(arguments.Node);
        var granularity = arguments.Granularity ?? DefaultGranularity(node);
        if (arguments.Persistent ?? false)
            DemandStorable(node, granularity);
        added = node.Bitmaps.Create(arguments.Name, node.Length, granularity);
        added.IsPersistent = arguments.Persistent ?? false;
        if (arguments.Disabled ?? false)
            added.Disable();
        return ValueTask.CompletedTask;
    }

    /// <inheritdoc/>
    public override ValueTask AbortAsync()
    {
        added!.Owner!.Remove(added);
        return ValueTask.CompletedTask;
    }

    private static long DefaultGranularity(BlockNode node) =>
        node.ClusterLength == 0 ? MaxDefaultGranularity : Math.Clamp(node.ClusterLength, MinDefaultGranularity, MaxDefaultGranularity);

    private void DemandStorable(BlockNode node, long granularity)
    {
        if (!DirtyBitmap.IsGranularity(granularity))
            throw new QmpException("Granularity must be power of 2 and at least 512");
        node.DemandBitmapStorable(arguments.Name, granularity);
    }
}
