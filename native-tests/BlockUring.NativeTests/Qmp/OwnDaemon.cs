using BlockUring.Native.Memory;
using BlockUring.Native.Uring;
using BlockUring.NativeTests.Storage;
using BlockUring.NativeTests.Uring;
using BlockUring.Qmp;
using BlockUring.Qmp.Channels;
using BlockUring.Storage;
using Xunit;

namespace BlockUring.NativeTests.Qmp;

/// <summary>Monitors on an I/O thread of this process, until a client says quit.</summary>
internal sealed class OwnDaemon : IDisposable
{
    private readonly TempFolder folder = new();
    private readonly ManualResetEventSlim started = new();
    private readonly Thread thread;
    private readonly Action<IoThread, MonitorContext>? prepare;
    private readonly string[] chardevs;
    private readonly bool isPretty;
    private Exception? failure;
    private IoThread? ring;
    private MonitorContext? context;

    public OwnDaemon(bool isPretty = false, Action<IoThread, MonitorContext>? prepare = null, params string[] chardevs)
    {
        this.isPretty = isPretty;
        this.prepare = prepare;
        Path = folder["own.sock"];
        this.chardevs = [$"socket,path={Path},server=on,wait=off,id=c0", .. chardevs.Select(c => c.Replace("%", folder.Root, StringComparison.Ordinal))];
        thread = new Thread(Main) { IsBackground = true, Name = "own daemon" };
        thread.Start();
        Assert.True(started.Wait(TimeSpan.FromSeconds(60)), $"the monitor does not start: {failure}");
        Assert.Null(failure);
    }

    public string Path { get; }

    public string Folder => folder.Root;

    public MonitorContext Context => context!;

    /// <summary>Runs something on the daemon's thread.</summary>
    public void Post(Action action) => ring!.Post(action);

    /// <summary>Waits for the end that a client has asked for.</summary>
    public void WaitForEnd()
    {
        Assert.True(thread.Join(TimeSpan.FromSeconds(60)), "the monitor does not end");
        Assert.Null(failure);
    }

    public void Dispose()
    {
        Post(() => context!.QuitRequested!());
        thread.Join(TimeSpan.FromSeconds(60));
        folder.Dispose();
        started.Dispose();
    }

    private void Main()
    {
        try
        {
            RingHost.RunHere(RunAsync);
        }
        catch (Exception e)
        {
            failure = e;
            started.Set();
        }
    }

    private async ValueTask RunAsync(IoThread io)
    {
        var end = new Arrival();
        var hasEnded = false;
        ring = io;
        context = new(io, new NoFiles(io.Buffers));
        context.QuitRequested = () =>
        {
            if (!hasEnded)
                io.Post(end.Succeed);
            hasEnded = true;
        };
        var server = new QmpServer(context);
        foreach (var text in chardevs)
        {
            var chardev = await ChardevFactory.OpenAsync(io, ChardevOptions.Parse(text), _ => { });
            context.AddChardev(chardev);
            server.AddMonitor(chardev, isPretty);
        }

        prepare?.Invoke(io, context);
        started.Set();
        await end;
        await server.StopAsync();
    }

    private sealed class NoFiles(BufferPool buffers) : FileHost
    {
        public override BufferPool Buffers => buffers;

        public override ValueTask<BlockFile> OpenAsync(string path, FileOpenOptions options) => throw new InvalidOperationException();

        public override ValueTask<BlockFile> CreateAsync(string path, long length, PreallocationMode preallocation, FileOpenOptions options) =>
            throw new InvalidOperationException();

        public override bool Exists(string path) => false;
    }
}
