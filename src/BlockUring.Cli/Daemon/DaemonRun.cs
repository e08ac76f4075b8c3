using BlockUring.Cli.Img;
using BlockUring.Graph;
using BlockUring.Native.Uring;
using BlockUring.Nbd.Client;
using BlockUring.Qmp;
using BlockUring.Qmp.Channels;
using BlockUring.Qmp.Exports;
using BlockUring.Qmp.Startup;
using BlockUring.Storage;

namespace BlockUring.Cli.Daemon;

/// <summary>One daemon from its start to its end, on one I/O thread.</summary>
internal sealed class DaemonRun
{
    private readonly DaemonContext context;
    private readonly IoThread thread;
    private readonly MonitorContext monitor;
    private readonly QmpServer server;
    private readonly bool isBackground;
    private readonly Arrival end = new();
    private bool isEnding;

    private DaemonRun(DaemonContext context, IoThread thread, bool isBackground)
    {
        this.context = context;
        this.thread = thread;
        this.isBackground = isBackground;
        var nbd = new NbdProtocol(thread) { FindTls = id => monitor!.FindNbdTls(id) };
        monitor = new(thread, new LinuxFileHost(thread) { Protocols = [nbd], Warn = Warn }, Warn)
        {
            QuitRequested = End,
            MakeChardev = options => ChardevFactory.OpenAsync(thread, options, context.Report),
            ListenForNbd = (server, place) => NbdListening.Open(thread, server, place),
        };
        server = new(monitor) { IsHeld = true };
    }

    /// <summary>Runs it.</summary>
    /// <param name="context">What it runs in.</param>
    /// <param name="words">The options that make things, in order.</param>
    /// <param name="pidPath">Where its process ID goes; null for nowhere.</param>
    /// <param name="isBackground">Whether another process waits for its start.</param>
    /// <returns>The exit code.</returns>
    /// <exception cref="CommandFailure">It did not start.</exception>
    public static int Run(DaemonContext context, IReadOnlyList<DaemonWord> words, string? pidPath, bool isBackground)
    {
        try
        {
            return IoThread.Run(new IoThreadOptions(), thread => new DaemonRun(context, thread, isBackground).RunAsync(words, pidPath));
        }
        catch (PlatformNotSupportedException e)
        {
            throw new CommandFailure(e.Message);
        }
    }

    private async ValueTask<int> RunAsync(IReadOnlyList<DaemonWord> words, string? pidPath)
    {
        try
        {
            var options = new StartupOptions(monitor, server);
            foreach (var word in words)
            {
                if (!await ApplyAsync(options, word))
                    return 0;
            }

            await ServeAsync(pidPath);
            return 0;
        }
        finally
        {
            await CloseAsync();
        }
    }

    // Why signals end the process at once before this: what is waited for until then, a client or a file server, may never come.
    private async ValueTask ServeAsync(string? pidPath)
    {
        using var interruption = new Interruption();
        using var registration = interruption.Token.Register(() => thread.Post(End));
        using var pidFile = pidPath == null ? null : PidFile.Create(pidPath);
        if (isBackground)
            Background.EndStart(context);
        server.Release();
        await end;
        await CloseAsync();
    }

    /// <returns>False when the option was a question that has been answered, and nothing is to be started.</returns>
    private async ValueTask<bool> ApplyAsync(StartupOptions options, DaemonWord word)
    {
        try
        {
            switch (word.Name)
            {
                case "blockdev":
                    await options.AddNodeAsync(word.Value);
                    break;
                case "object":
                    var help = await options.AddObjectAsync(word.Value);
                    context.Output.Out.Write(help);
                    return help == null;
                case "chardev":
                    DemandNoTerminal(word.Value);
                    await options.AddChardevAsync(word.Value);
                    break;
                case "monitor":
                    options.AddMonitor(word.Value);
                    break;
                case "nbd-server":
                    options.StartNbdServer(word.Value);
                    break;
                case "export":
                    await options.AddExportAsync(word.Value);
                    break;
                case "":
                    throw new CommandFailure($"{word.Words}: Unexpected argument");
            }

            return true;
        }
        catch (BlockException e)
        {
            throw new CommandFailure($"{word.Words}: {e.Message}");
        }
    }

    private void DemandNoTerminal(string text)
    {
        if (isBackground && (text == "stdio" || text.StartsWith("stdio,", StringComparison.Ordinal) || text.Contains("backend=stdio", StringComparison.Ordinal)))
            throw new BlockException(BlockErrorKind.Invalid, "cannot use stdio with -daemonize");
    }

    private void End()
    {
        if (isEnding)
            return;
        isEnding = true;
        thread.Post(end.Succeed);
    }

    // Exports and jobs first, because they use nodes; then nodes, while clients still hear of it; the monitors last.
    private async ValueTask CloseAsync()
    {
        await monitor.Exports.CloseAllAsync();
        await monitor.Jobs.CancelAllAsync();
        await GraphCloser.CloseAllAsync(monitor.Graph, context.Report);
        await server.StopAsync();
    }

    private void Warn(string message) => context.Report($"warning: {message}");
}
