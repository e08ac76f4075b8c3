using System.Text.Json;
using BlockUring.Jobs;
using BlockUring.Qmp.Commands.Bitmaps;
using BlockUring.Qmp.Commands.Snapshots;

namespace BlockUring.Qmp.Commands.Transactions;

/// <summary>The actions that transactions may hold: a new one is a line here.</summary>
internal static class TransactionKinds
{
    private static readonly Dictionary<string, Func<MonitorContext, JsonElement, JobTransaction?, TransactionAction>> Kinds =
        new(StringComparer.Ordinal)
        {
            ["abort"] = (_, _, _) => new AbortAction(),
            ["block-dirty-bitmap-add"] = (c, data, _) => new BitmapAddAction(c, data.Deserialize(QmpJson.Default.BitmapAddArguments)!),
            ["block-dirty-bitmap-remove"] = (c, data, _) => new BitmapRemoveAction(c, BitmapOf(data)),
            ["block-dirty-bitmap-clear"] = (c, data, _) => new BitmapClearAction(c, BitmapOf(data)),
            ["block-dirty-bitmap-enable"] = (c, data, _) => new BitmapSwitchAction(c, BitmapOf(data), isEnabled: true),
            ["block-dirty-bitmap-disable"] = (c, data, _) => new BitmapSwitchAction(c, BitmapOf(data), isEnabled: false),
            ["block-dirty-bitmap-merge"] = (c, data, _) => new BitmapMergeAction(c, data.Deserialize(QmpJson.Default.BitmapMergeArguments)!),
            ["blockdev-snapshot"] = (c, data, _) => OverlayOf(c, data.Deserialize(QmpJson.Default.SnapshotArguments)!),
            ["blockdev-snapshot-sync"] = (c, data, _) => OverlayOf(c, data.Deserialize(QmpJson.Default.SnapshotSyncArguments)!),
            ["blockdev-snapshot-internal-sync"] = (c, data, _) =>
                new InternalSnapshotAction(c, data.Deserialize(QmpJson.Default.InternalSnapshotArguments)!),
            ["drive-backup"] = (c, data, jobs) => new DriveBackupAction(c, data.Deserialize(QmpJson.Default.DriveBackupArguments)!, jobs),
            ["blockdev-backup"] = (c, data, jobs) => new BlockdevBackupAction(c, data.Deserialize(QmpJson.Default.BackupArguments)!, jobs),
        };

    /// <summary>Makes an action.</summary>
    /// <param name="context">What it works on.</param>
    /// <param name="kind">Its type on the wire.</param>
    /// <param name="data">Its arguments, checked.</param>
    /// <param name="jobs">The jobs that end together; null when each ends by itself.</param>
    public static TransactionAction Make(MonitorContext context, string kind, JsonElement data, JobTransaction? jobs) =>
        Kinds[kind](context, data, jobs);

    private static OverlayAction OverlayOf(MonitorContext context, SnapshotArguments arguments) =>
        new(arguments.Node, () => OverlayRequest.PutAsync(context, arguments));

    private static OverlayAction OverlayOf(MonitorContext context, SnapshotSyncArguments arguments) =>
        new(arguments.NodeName ?? "", () => OverlayRequest.PutAsync(context, arguments));

    private static BitmapArguments BitmapOf(JsonElement data) => data.Deserialize(QmpJson.Default.BitmapArguments)!;
}
