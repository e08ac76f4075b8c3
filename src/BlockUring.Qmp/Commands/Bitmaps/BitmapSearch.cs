using BlockUring.Bitmaps;
using BlockUring.Graph;

namespace BlockUring.Qmp.Commands.Bitmaps;

/// <summary>Finds the bitmaps that commands name, with QEMU's words for what is not there.</summary>
internal static class BitmapSearch
{
    /// <summary>The node of a bitmap.</summary>
    /// <exception cref="QmpException">There is none.</exception>
    public static BlockNode FindNode(MonitorContext context, string node) =>
        context.Graph.TryFind(node) ?? throw new QmpException($"Node '{node}' not found");

    /// <summary>A bitmap, whose state must allow something.</summary>
    /// <exception cref="QmpException">There is no such node.</exception>
    /// <exception cref="Storage.BlockException">There is no such bitmap, or its state does not allow that.</exception>
    public static DirtyBitmap Find(MonitorContext context, string node, string name, BitmapDemands demands = BitmapDemands.None) =>
        FindNode(context, node).Bitmaps.Get(name, demands);

    /// <summary>To be awaited before a bitmap is changed: what an image holds of it is out of date from then on.</summary>
    public static ValueTask PrepareChangeAsync(MonitorContext context, string node, DirtyBitmap bitmap, bool onlyClears = false) =>
        bitmap.IsPersistent ? FindNode(context, node).PrepareBitmapChangeAsync(onlyClears) : ValueTask.CompletedTask;
}
