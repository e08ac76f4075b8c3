using BlockUring.Graph;
using BlockUring.Storage;

namespace BlockUring.Qmp.Hmp.QemuIo;

/// <summary>Runs qemu-io's command lines on the nodes of a daemon.</summary>
internal sealed class QemuIoMonitor(MonitorContext context)
{
    private readonly Dictionary<string, QemuIoRequests> requests = new(StringComparer.Ordinal);

    /// <summary>All commands, by name.</summary>
    public static IReadOnlyList<QemuIoCommand> Commands { get; } =
    [
        new AioFlushCommand(),
        new ReadCommand(isVector: true, isAsync: true),
        new WriteCommand(isVector: true, isAsync: true),
        new AllocCommand(),
        new DiscardCommand(),
        new FlushCommand(),
        new HelpCommand(),
        new InfoCommand(),
        new LengthCommand(),
        new MapCommand(),
        new ReadCommand(isVector: false, isAsync: false),
        new ReadCommand(isVector: true, isAsync: false),
        new SleepCommand(),
        new TruncateCommand(),
        new WriteCommand(isVector: false, isAsync: false),
        new WriteCommand(isVector: true, isAsync: false),
    ];

    /// <summary>Runs a command line.</summary>
    /// <param name="node">The node.</param>
    /// <param name="line">Words with blanks between; there are no quotes.</param>
    /// <returns>What it prints.</returns>
    public async ValueTask<string> RunAsync(BlockNode node, string line)
    {
        var words = line.Split(' ', StringSplitOptions.RemoveEmptyEntries);
        if (words.Length == 0)
            return "";
        if (Find(words[0]) is not { } command)
            return $"command \"{words[0]}\" not found\n";
        return command.CheckCount(words.Length - 1) ?? await RunAsync(node, command, words[1..]);
    }

    /// <summary>The command of a name, long or short; null for none.</summary>
    public static QemuIoCommand? Find(string name) => Commands.FirstOrDefault(c => c.Name == name || c.ShortName == name);

    /// <summary>Attaches a user to a node.</summary>
    /// <exception cref="BlockException">A conflict of permissions.</exception>
    public static async ValueTask<DiskUser> AttachAsync(BlockGraph graph, BlockNode node, ImagePermissions needed)
    {
        using var change = await graph.BeginChangeAsync();
        var user = new DiskUser("an unnamed block device");
        graph.Attach(user, node, "root", needed, NodeLink.AllPermissions);
        return user;
    }

    private async ValueTask<string> RunAsync(BlockNode node, QemuIoCommand command, string[] arguments)
    {
        if (!requests.TryGetValue(node.Name, out var running))
            requests.Add(node.Name, running = new());
        DiskUser user;
        try
        {
            user = await AttachAsync(context.Graph, node, command.Permissions);
        }
        catch (BlockException e)
        {
            return e.Message + "\n";
        }

        var call = new QemuIoCall(context, user, running, arguments);
        await command.RunAsync(call);
        context.Graph.Detach(user.Links[0]);
        var text = running.Take() + call.Output;
        if (running.RunningCount == 0)
            requests.Remove(node.Name);
        return text;
    }
}
