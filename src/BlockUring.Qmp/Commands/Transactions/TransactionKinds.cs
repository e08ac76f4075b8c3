using System.Text.Json;
using BlockUring.Jobs;
using BlockUring.Qmp.Commands.Bitmaps;

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
            ["blockdev-backup"] = (c, data, jobs) => new BlockdevBackupAction(c, data.Deserialize(QmpJson.Default.BackupArguments)!, jobs),
        };

    /// <summary>Makes an action.</summary>
    /// <param name="context">What it works on.</param>
    /// <param name="kind">Its type on the wire.</param>
    /// <param name="data">Its arguments, checked.</param>
    /// <param name="jobs">The jobs that end together; null when each ends by itself.</param>
    /// <exception cref="QmpException">There is none of that type yet.</exception>
    public static TransactionAction Make(MonitorContext context, string kind, JsonElement data, JobTransaction? jobs) =>
        Kinds.TryGetValue(kind, out var make) ? make(context, data, jobs) : throw new QmpException($"Action '{kind}' is not supported yet");

    private static BitmapArguments BitmapOf(JsonElement data) => data.Deserialize(QmpJson.Default.BitmapArguments)!;
}
