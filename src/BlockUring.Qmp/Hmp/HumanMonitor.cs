using BlockUring.Qmp.Hmp.Commands;
using BlockUring.Qmp.Hmp.QemuIo;
using BlockUring.Storage;

namespace BlockUring.Qmp.Hmp;

/// <summary>The human monitor: commands as lines of text, answered in text.</summary>
public sealed class HumanMonitor
{
    private const string Info = "info";

    private readonly MonitorContext context;

    internal HumanMonitor(MonitorContext context)
    {
        this.context = context;
        QemuIo = new(context);
    }

    /// <summary>The commands: a new one is a line here.</summary>
    internal static IReadOnlyList<HmpCommand> All { get; } =
    [
        new JobCancelCommand(),
        new JobVerbCommand("block_job_complete", "block-job-complete", "stop an active background block operation with its result"),
        new JobVerbCommand("block_job_pause", "block-job-pause", "pause an active background block operation"),
        new JobVerbCommand("block_job_resume", "block-job-resume", "resume a paused background block operation"),
        new JobSpeedCommand(),
        new BlockNullMonitorCommand(),
        new StreamMonitorCommand(),
        new CommitMonitorCommand(),
        new ResizeCommand(),
        new DriveBackupCommand(),
        new DriveMirrorCommand(),
        .. NbdServerCommands.All,
        new MonitorHelpCommand(),
        new InfoBlockCommand(),
        new InfoJobsCommand(),
        new InfoStatsCommand(),
        new QemuIoMonitorCommand(),
        new SnapshotCommand(),
    ];

    internal QemuIoMonitor QemuIo { get; }

    /// <summary>Runs a line.</summary>
    /// <returns>What it prints, errors included; lines end in CR LF.</returns>
    public async ValueTask<string> RunAsync(string line)
    {
        var output = await AnswerAsync(line.Trim());
        return output.Replace("\n", "\r\n", StringComparison.Ordinal);
    }

    /// <summary>The commands whose names begin so.</summary>
    internal static IEnumerable<HmpCommand> Find(string words) =>
        All.Where(c => c.Name == words || c.Name.StartsWith(words + " ", StringComparison.Ordinal));

    private async ValueTask<string> AnswerAsync(string line)
    {
        if (line.Length == 0)
            return "";
        var (name, rest) = Cut(line);
        if (name == Info && rest.Length > 0)
        {
            (var topic, rest) = Cut(rest);
            name = $"{Info} {topic}";
        }
        else if (name == Info)
        {
            return string.Concat(Find(Info).Select(c => c.HelpLine));
        }

        if (All.FirstOrDefault(c => c.Name == name) is not { } command)
            return $"unknown command: '{name}'\n";
        if (HmpArguments.TryParse(name, command.Signature, rest, out var arguments) is { } wrong)
            return $"{wrong}Try \"help {name}\" for more information\n";
        return await RunAsync(command, new HmpCall(context, arguments));
    }

    private static async ValueTask<string> RunAsync(HmpCommand command, HmpCall call)
    {
        try
        {
            await command.RunAsync(call);
        }
        catch (Exception e) when (e is QmpException or BlockException)
        {
            call.Print($"Error: {e.Message}");
        }

        return call.Output.ToString();
    }

    private static (string First, string Others) Cut(string line)
    {
        var end = line.IndexOf(' ', StringComparison.Ordinal);
        return end < 0 ? (line, "") : (line[..end], line[end..].TrimStart());
    }
}
