using BlockUring.Qmp.Commands.Transactions;

namespace BlockUring.Qmp.Commands.Bitmaps;

/// <summary>block-dirty-bitmap-add and the like.</summary>
internal static class BitmapCommands
{
    /// <summary>All of them.</summary>
    public static IEnumerable<QmpCommand> All { get; } =
    [
        new BitmapCommand<BitmapAddArguments>(
            "block-dirty-bitmap-add", QmpJson.Default.BitmapAddArguments, (context, a) => new BitmapAddAction(context, a)),
        new BitmapCommand<BitmapArguments>(
            "block-dirty-bitmap-remove", QmpJson.Default.BitmapArguments, (context, a) => new BitmapRemoveAction(context, a)),
        new BitmapCommand<BitmapArguments>(
            "block-dirty-bitmap-clear", QmpJson.Default.BitmapArguments, (context, a) => new BitmapClearAction(context, a)),
        new BitmapCommand<BitmapArguments>(
            "block-dirty-bitmap-enable", QmpJson.Default.BitmapArguments, (context, a) => new BitmapSwitchAction(context, a, isEnabled: true)),
        new BitmapCommand<BitmapArguments>(
            "block-dirty-bitmap-disable", QmpJson.Default.BitmapArguments, (context, a) => new BitmapSwitchAction(context, a, isEnabled: false)),
        new BitmapCommand<BitmapMergeArguments>(
            "block-dirty-bitmap-merge", QmpJson.Default.BitmapMergeArguments, (context, a) => new BitmapMergeAction(context, a)),
        new BitmapHashCommand(),
    ];
}
