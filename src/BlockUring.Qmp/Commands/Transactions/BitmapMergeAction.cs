using System.Text.Json;
using BlockUring.Bitmaps;
using BlockUring.Graph;
using BlockUring.Qmp.Commands.Bitmaps;

namespace BlockUring.Qmp.Commands.Transactions;

/// <summary>block-dirty-bitmap-merge.</summary>
internal sealed class BitmapMergeAction(MonitorContext context, BitmapMergeArguments arguments) : TransactionAction
{
    private DirtyBitmap? target;
    private DirtyBitmap? before;

    /// <inheritdoc/>
    public override IReadOnlyList<string> Nodes =>
        [arguments.Node, .. arguments.Bitmaps.Where(b => b.ValueKind == JsonValueKind.Object).Select(b => ExternalOf(b).Node)];

    /// <inheritdoc/>
    public override async ValueTask PrepareAsync()
    {
        var node = BitmapSearch.FindNode(context, arguments.Node);
        target = node.Bitmaps.Get(arguments.Target);

        // Why a sum apart: all sources or none.
        var sum = new DirtyBitmap(null, target.Length, target.Granularity);
        foreach (var source in arguments.Bitmaps)
            sum.Merge(FindSource(node, source));
        target.Demand(BitmapDemands.All);
        await BitmapSearch.PrepareChangeAsync(context, arguments.Node, target);
        before = target.Clone(null);
        target.Merge(sum);
    }

    /// <inheritdoc/>
    public override ValueTask AbortAsync()
    {
        target!.CopyFrom(before!);
        return ValueTask.CompletedTask;
    }

    private static BitmapArguments ExternalOf(JsonElement source) => source.Deserialize(QmpJson.Default.BitmapArguments)!;

    private DirtyBitmap FindSource(BlockNode node, JsonElement source)
    {
        if (source.ValueKind == JsonValueKind.String)
            return node.Bitmaps.Get(source.GetString()!, BitmapDemands.Readable);
        var external = ExternalOf(source);
        return BitmapSearch.Find(context, external.Node, external.Name, BitmapDemands.Readable);
    }
}
