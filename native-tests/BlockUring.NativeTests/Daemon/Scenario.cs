using System.Diagnostics;
using System.Text.Json;
using BlockUring.NativeTests.Images;

namespace BlockUring.NativeTests.Daemon;

/// <summary>Plays a script against a daemon in a folder of its own and writes down what happens.</summary>
/// <remarks>
/// A line of a script is one of these; an apostrophe stands for a quotation mark in JSON, a line that starts with a blank continues the one before:
/// <code>
/// # words                  a remark for the reader of the transcript
/// $ command                a command of the shell in the scenario's folder; its output and a failure are written down
/// daemon OPTIONS           starts the daemon with a monitor, and negotiates capabilities
/// start OPTIONS            runs the daemon without a monitor until it ends: its exit code and its messages are written down
/// exit                     waits for the end of the daemon
/// COMMAND ARGUMENTS        a QMP command, and everything that comes until its reply
/// wait EVENT WORDS         waits for an event with these words among its values, since the last command
/// strict                   from here on it counts whether an event came before or after a reply
/// send TEXT                a line for the monitor, as it is
/// probe TEXT               the same, and all replies: up to that of a query behind it
/// receive                  the next reply, and what comes before it
/// show NODE MEMBERS        asks for these members of a node's description
/// mask MEMBERS             the values of these members are not compared from here on; unmask: again
/// </code>
/// </remarks>
internal sealed class Scenario : IDisposable
{
    private readonly TempFolder folder = new();
    private readonly string[] command;
    private readonly List<JsonElement> recent = [];
    private bool strict;

    public Scenario(Side side)
    {
        command = DaemonUnderTest.Command(side);
        Transcript = new Transcript(folder.Path);
    }

    /// <summary>What has happened so far.</summary>
    public Transcript Transcript { get; }

    /// <summary>The running daemon.</summary>
    public QmpPeer Peer { get; private set; } = null!;

    /// <summary>The scenario's folder, which is the daemon's working directory.</summary>
    public string Folder => folder.Path;

    /// <summary>Plays the lines of a script.</summary>
    public void Play(string script)
    {
        foreach (var line in script.Replace("\n ", " ", StringComparison.Ordinal).Split('\n', StringSplitOptions.RemoveEmptyEntries))
        {
            var cut = line.IndexOf(' ', StringComparison.Ordinal);
            PlayLine(line, cut < 0 ? line : line[..cut], cut < 0 ? "" : line[(cut + 1)..].Trim());
        }
    }

    /// <summary>Sends a command and writes down what comes until its reply.</summary>
    public JsonElement Run(string name, string arguments = "")
    {
        var json = arguments.Replace('\'', '"');
        Transcript.Add($"{name} {arguments}".TrimEnd());
        Peer.Send($"{{\"execute\":\"{name}\"{(json.Length > 0 ? $",\"arguments\":{json}" : "")}}}\n");
        return Receive();
    }

    /// <summary>Writes down what comes, up to a reply.</summary>
    public JsonElement Receive()
    {
        recent.Clear();
        List<JsonElement> events = [];
        while (Peer.Receive() is { } message)
        {
            if (message.TryGetProperty("event", out _))
                Note(message, events);
            else
            {
                Transcript.AddReply(message);
                Transcript.AddEvents(events);
                return message;
            }
        }

        Transcript.AddEvents(events);
        Transcript.Add("    (the connection is closed)");
        return default;
    }

    /// <summary>Starts the daemon with a monitor and connects to it, without negotiation.</summary>
    public void Start(string options, string monitor = "--monitor chardev=monitor")
    {
        Peer?.Dispose();
        File.Delete(folder["monitor.sock"]);
        File.Delete(folder["ready.pid"]);
        var words = $"{options} --chardev socket,id=monitor,path=monitor.sock,server=on,wait=off {monitor} --pidfile ready.pid";
        Peer = new QmpPeer(command, folder.Path, Split(words), () => Transcript.ToString());
        // Why: the first connection to QEMU's daemon, made while it starts, is sometimes read by two of its threads, which mixes up the bytes.
        Peer.WaitForFile(folder["ready.pid"]);
        Peer.Connect(folder["monitor.sock"]);
        _ = Peer.Receive();
        Peer.Disconnect();
        Peer.Connect(folder["monitor.sock"]);
    }

    public void Dispose()
    {
        Peer?.Dispose();
        folder.Dispose();
    }

    private void PlayLine(string line, string word, string rest)
    {
        switch (word)
        {
            case "#":
                Transcript.Add(line);
                break;
            case "$":
                RunShell(rest);
                break;
            case "daemon":
                Transcript.Add(line);
                Start(rest);
                _ = Peer.Receive();
                Peer.Send("{\"execute\":\"qmp_capabilities\"}\n");
                _ = Peer.Receive();
                break;
            case "start":
                Transcript.Add(line);
                var once = new QmpPeer(command, folder.Path, Split(rest), () => Transcript.ToString());
                WaitForExit(once);
                if (Peer == null!)
                    Peer = once;
                else
                    once.Dispose();
                break;
            case "exit":
                Transcript.Add(line);
                WaitForExit(Peer);
                break;
            case "wait":
                WaitForEvent(rest.Split(' '));
                break;
            case "send":
                Transcript.Add(line);
                Peer.Send(rest + "\n");
                break;
            case "probe":
                Transcript.Add($"send {rest}".TrimEnd());
                Peer.Send(rest + "\n{\"execute\":\"query-jobs\",\"id\":\"probe\"}\n");
                while (!(Receive().TryGetProperty("id", out var id) && id.ToString() == "probe"))
                    continue;
                break;
            case "receive":
                Receive();
                break;
            case "show":
                Transcript.Add(line);
                Show(rest.Split(' '));
                break;
            case "mask":
                Transcript.Mask(rest.Split(' '));
                break;
            case "strict":
                strict = true;
                break;
            case "unmask":
                Transcript.Unmask(rest.Split(' '));
                break;
            default:
                Run(word, rest);
                break;
        }
    }

    // Why: a job may be over before its command is answered, or after. That is a matter of luck: events come behind the reply, unless the
    // scenario is strict.
    private void Note(JsonElement message, List<JsonElement> events)
    {
        Transcript.DropPauses(recent, message);
        if (strict)
            Transcript.AddEvents([message]);
        else
            events.Add(message);
    }

    private void WaitForEvent(string[] words)
    {
        bool Fits(JsonElement message) =>
            message.GetProperty("event").GetString() == words[0] && words.Skip(1).All(w => message.GetProperty("data").Has(w));

        List<JsonElement> events = [];
        while (!recent.Any(Fits))
        {
            if (Peer.Receive() is { } message)
                Note(message, events);
            else
                Peer.Fail("the connection was closed");
        }

        Transcript.AddEvents(events);
    }

    private void Show(string[] words)
    {
        Peer.Send("{\"execute\":\"query-named-block-nodes\",\"arguments\":{\"flat\":true}}\n");
        recent.Clear();
        List<JsonElement> events = [];
        JsonElement? reply;
        while ((reply = Peer.Receive()) is { } message && message.TryGetProperty("event", out _))
            Note(message, events);
        Transcript.AddEvents(events);
        if (reply is not { } answer || !answer.TryGetProperty("return", out var nodes) || nodes.ValueKind != JsonValueKind.Array)
            Peer.Fail($"no list of nodes: {reply}");
        var node = reply!.Value.GetProperty("return").EnumerateArray().FirstOrDefault(n => n.GetProperty("node-name").ValueEquals(words[0]));
        if (node.ValueKind == JsonValueKind.Undefined)
            Transcript.Add("    no such node");
        else
            foreach (var member in words[1..])
                Transcript.Add($"    {member}: {(node.TryGetProperty(member, out var value) ? Show(member, value) : "none")}");
    }

    // Bitmaps by name, without those that a daemon keeps for itself.
    private string Show(string member, JsonElement value) => member != "dirty-bitmaps"
        ? Transcript.Show(value)
        : string.Concat(value.EnumerateArray().Where(b => b.TryGetProperty("name", out _))
            .OrderBy(b => b.GetProperty("name").GetString(), StringComparer.Ordinal).Select(b => "\n      " + Transcript.Show(b)));

    private void WaitForExit(QmpPeer peer)
    {
        var (exitCode, output, error) = peer.WaitForExit();
        Transcript.AddOutput("out", output);
        Transcript.AddOutput("err", error);
        Transcript.Add($"    exit code {exitCode}");
    }

    private void RunShell(string line)
    {
        Transcript.Add($"$ {line}");
        var start = new ProcessStartInfo("/bin/sh", ["-c", $"({line}) 2>&1"]) { WorkingDirectory = folder.Path, RedirectStandardOutput = true };
        start.Environment["PID"] = Peer == null! ? "" : $"{Peer.Id}";
        using var process = Process.Start(start)!;
        var output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        Transcript.AddOutput("|", output);
        if (process.ExitCode != 0)
            Transcript.Add($"    exit code {process.ExitCode}");
    }

    private static string[] Split(string options) =>
        [.. options.Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(o => o.Replace('\'', '"').Replace('~', ' '))];
}
