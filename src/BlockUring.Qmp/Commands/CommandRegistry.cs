using System.Diagnostics.CodeAnalysis;
using BlockUring.Qmp.Commands.Bitmaps;
using BlockUring.Qmp.Commands.Chardevs;
using BlockUring.Qmp.Commands.Exports;
using BlockUring.Qmp.Commands.Jobs;
using BlockUring.Qmp.Commands.Nodes;
using BlockUring.Qmp.Commands.Snapshots;
using BlockUring.Qmp.Commands.Transactions;

namespace BlockUring.Qmp.Commands;

/// <summary>The commands that there are: a new one is a line here.</summary>
internal sealed class CommandRegistry
{
    private readonly Dictionary<string, QmpCommand> commands = new(StringComparer.Ordinal);

    private CommandRegistry(IEnumerable<QmpCommand> all)
    {
        foreach (var command in all)
            Add(command);
    }

    /// <summary>All of them, in no order.</summary>
    public IReadOnlyCollection<QmpCommand> All => commands.Values;

    /// <summary>This program's commands.</summary>
    public static CommandRegistry Create() => new(
    [
        new NegotiateCommand(),
        new QueryVersionCommand(),
        new QueryCommandsCommand(),
        new QuerySchemaCommand(),
        new QuitCommand(),
        new QueryChardevCommand(),
        new QueryChardevBackendsCommand(),
        new ChardevAddCommand(),
        new ChardevChangeCommand(),
        .. ChardevIdCommand.All,
        new RingReadCommand(),
        new RingWriteCommand(),
        new HumanMonitorCommand(),
        new ObjectAddCommand(),
        new ObjectDelCommand(),
        new QomListCommand(),
        new QomGetCommand(),
        new QomSetCommand(),
        new QomListTypesCommand(),
        new QomListPropertiesCommand(),
        new BlockdevAddCommand(),
        new BlockdevDelCommand(),
        new BlockdevReopenCommand(),
        new QueryNodesCommand(),
        new QueryBlockCommand(),
        new QueryStatsCommand(),
        new QueryGraphCommand(),
        new QueryBlockersCommand(),
        new BlockResizeCommand(),
        new WriteThresholdCommand(),
        new ChangeBackingFileCommand(),
        new BlockdevSnapshotCommand(),
        new SnapshotSyncCommand(),
        new InternalSnapshotCommand(),
        new DeleteSnapshotCommand(),
        new BlockdevCreateCommand(),
        new AmendCommand(),
        new DriveBackupCommand(),
        new QueryJobsCommand(),
        new QueryBlockJobsCommand(),
        .. JobVerbCommand.All,
        .. BlockJobVerbCommand.All,
        .. BlockJobEndCommand.All,
        new BlockJobCancelCommand(),
        new BlockJobSpeedCommand(),
        new BlockJobChangeCommand(),
        new BlockNullCommand(),
        new BlockdevBackupCommand(),
        new BlockStreamCommand(),
        new BlockdevMirrorCommand(),
        new DriveMirrorCommand(),
        new BlockCommitCommand(),
        new QueryCommitPlanCommand(),
        .. BitmapCommands.All,
        .. ExportCommands.All,
        new TransactionCommand(),
    ]);

    /// <summary>Adds a command.</summary>
    public void Add(QmpCommand command) => commands.Add(command.Name, command);

    /// <summary>Finds a command.</summary>
    public bool TryGet(string name, [NotNullWhen(true)] out QmpCommand? command) => commands.TryGetValue(name, out command);

    /// <summary>Whether there is one.</summary>
    public bool Has(string name) => commands.ContainsKey(name);
}
