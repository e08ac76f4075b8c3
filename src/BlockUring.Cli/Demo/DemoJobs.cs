using System.Diagnostics;
using System.Text.Json;
using BlockUring.Cli.Img;
using BlockUring.Cli.Output;
using BlockUring.Cli.Shell;

namespace BlockUring.Cli.Demo;

/// <summary>
/// The second half of the demonstration: a daemon of its own process, driven over QMP. Reads an overlay by block-null, then backs it up
/// while it is being written to.
/// </summary>
internal sealed class DemoJobs : IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);
    private static readonly TimeSpan PollInterval = TimeSpan.FromMilliseconds(5);

    private readonly CommandOutput output;
    private readonly string work;
    private readonly Process daemon;
    private readonly QmpClient client;

    /// <summary>Starts the daemon and connects to it.</summary>
    /// <param name="output">Says what is sent.</param>
    /// <param name="work">The folder of the images.</param>
    public DemoJobs(CommandOutput output, string work)
    {
        this.output = output;
        this.work = work;
        var (socket, ready) = (Path.Combine(work, "qmp.sock"), Path.Combine(work, "daemon.pid"));
        var assembly = Environment.GetCommandLineArgs()[0];
        string[] prefix = assembly.EndsWith(".dll", StringComparison.Ordinal) && Environment.ProcessPath!.EndsWith("dotnet", StringComparison.Ordinal)
            ? [assembly]
            : [];
        string[] options = ["daemon", "--chardev", $"socket,id=c,path={socket.Replace(",", ",,")},server=on,wait=off", "--monitor", "c", "--pidfile", ready];
        Say($"$ blockuring {string.Join(' ', options)}");
        daemon = Process.Start(new ProcessStartInfo(Environment.ProcessPath!, [.. prefix, .. options]))!;
        while (!File.Exists(ready) && !daemon.WaitForExit(PollInterval))
            continue;
        client = QmpClient.Connect(socket);
    }

    /// <summary>Puts a node above another one, as the disk of a guest, who stays there whatever comes in between.</summary>
    public void AddGuest(string name, string disk) =>
        Execute("blockdev-add", $$"""{"node-name":"{{name}}","driver":"raw","file":"{{disk}}"}""");

    /// <summary>Opens an image as a node.</summary>
    public void AddNode(string name, string format, string file) => Execute(
        "blockdev-add",
        $$$"""{"node-name":"{{{name}}}","driver":"{{{format}}}","file":{"driver":"file","filename":{{{Quote(Path.Combine(work, file))}}}}}""");

    /// <summary>Starts jobs, completes those that become ready, and waits for their ends; what <paramref name="meanwhile"/> does is done while they run.</summary>
    /// <param name="command">Starts them.</param>
    /// <param name="arguments">As JSON.</param>
    /// <param name="count">How many.</param>
    /// <param name="meanwhile">Null for nothing.</param>
    /// <returns>How long all took.</returns>
    /// <exception cref="CommandFailure">One failed.</exception>
    public TimeSpan RunJob(string command, string arguments, int count = 1, Action? meanwhile = null)
    {
        var watch = Stopwatch.StartNew();
        Execute(command, arguments);
        meanwhile?.Invoke();
        while (count > 0)
        {
            var left = Patience - watch.Elapsed;
            if (left <= TimeSpan.Zero)
                throw new CommandFailure($"{command} has not ended in {Patience.TotalSeconds} seconds");
            if (client.TakeEvent(left) is not { } happened)
                continue;
            var name = happened.GetProperty("event").GetString();
            if (name == "BLOCK_JOB_READY")
                Execute("job-complete", $$"""{"id":{{happened.GetProperty("data").GetProperty("device").GetRawText()}}}""");
            if (name != "BLOCK_JOB_COMPLETED")
                continue;
            if (happened.GetProperty("data").TryGetProperty("error", out var error))
                throw new CommandFailure($"the job failed: {error.GetString()}");
            count--;
        }

        return watch.Elapsed;
    }

    /// <summary>Puts a new overlay over a node, as a snapshot of it.</summary>
    public void AddSnapshot(string node, string overlay, string file) => Execute(
        "blockdev-snapshot-sync",
        $$"""{"node-name":"{{node}}","snapshot-node-name":"{{overlay}}","snapshot-file":{{Quote(Path.Combine(work, file))}}}""");

    /// <summary>Asks something.</summary>
    /// <returns>The answer.</returns>
    public string Ask(string command, string arguments) => Execute(command, arguments).GetRawText();

    /// <summary>Writes through a node as a guest would.</summary>
    public void Write(string node, byte pattern, long offset, long length)
    {
        var line = $"qemu-io {node} \"write -q -P {pattern} {offset} {length}\"";
        var printed = Execute("human-monitor-command", $$"""{"command-line":{{Quote(line)}}}""", isQuiet: true).GetString()!;
        if (printed.Length > 0)
            throw new CommandFailure($"{line}: {printed.Trim()}");
    }

    /// <summary>Ends the daemon; its images are flushed and closed then.</summary>
    /// <returns>Its exit code.</returns>
    public int Quit()
    {
        Execute("quit", "{}");
        daemon.WaitForExit();
        return daemon.ExitCode;
    }

    /// <summary>Ends the daemon if it still runs.</summary>
    public void Dispose()
    {
        client.Dispose();
        if (!daemon.HasExited)
            daemon.Kill();
        daemon.Dispose();
    }

    private static string Quote(string text) => $"\"{JsonEncodedText.Encode(text)}\"";

    private JsonElement Execute(string command, string arguments, bool isQuiet = false)
    {
        var request = $$"""{"execute":"{{command}}","arguments":{{arguments}}}""";
        if (!isQuiet)
            Say($"→ {request}");
        var answer = client.Execute(request);
        if (answer.TryGetProperty("error", out _))
            throw new CommandFailure($"{command}: {QmpClient.DescribeError(answer)}");
        return answer.GetProperty("return");
    }

    private void Say(string line)
    {
        output.Out.Write(line + "\n");
        output.Out.Flush();
    }
}
