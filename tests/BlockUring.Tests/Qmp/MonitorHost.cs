using System.Text;
using BlockUring.Native.Memory;
using BlockUring.Qmp;
using BlockUring.Storage;

namespace BlockUring.Tests.Qmp;

/// <summary>A monitor with clients in memory, on a thread that the test runs.</summary>
internal sealed class MonitorHost : IDisposable
{
    public MonitorHost()
    {
        Context = new(Scheduler, new NoFiles(Scheduler.Buffers));
        Server = new(Context);
    }

    public ManualScheduler Scheduler { get; } = new();

    public MonitorContext Context { get; }

    public QmpServer Server { get; }

    /// <summary>A client of a monitor of its own.</summary>
    public MemoryChannel Connect(bool negotiates = true, string capabilities = "", bool isPretty = false)
    {
        var chardev = new MemoryChardev($"c{Context.Chardevs.Count}");
        Context.AddChardev(chardev);
        Server.AddMonitor(chardev, isPretty);
        var channel = new MemoryChannel();
        chardev.Connect(channel);
        if (!negotiates)
            return channel;
        Lines(channel);
        Ask(channel, $$$"""{"execute":"qmp_capabilities","arguments":{"enable":[{{{capabilities}}}]}}""");
        return channel;
    }

    /// <summary>Sends a request and answers what came back so far.</summary>
    public string[] Ask(MemoryChannel channel, string request)
    {
        channel.Write(Encoding.UTF8.GetBytes(request));
        return Lines(channel);
    }

    /// <summary>What came so far.</summary>
    public string[] Lines(MemoryChannel channel)
    {
        Scheduler.Run();
        return Encoding.ASCII.GetString(channel.Take()).Split("\r\n", StringSplitOptions.RemoveEmptyEntries);
    }

    public void Dispose() => Scheduler.Dispose();

    private sealed class NoFiles(BufferPool buffers) : FileHost
    {
        public override BufferPool Buffers => buffers;

        public override ValueTask<BlockFile> OpenAsync(string path, FileOpenOptions options) => throw new InvalidOperationException();

        public override ValueTask<BlockFile> CreateAsync(string path, long length, PreallocationMode preallocation, FileOpenOptions options) =>
            throw new InvalidOperationException();

        public override bool Exists(string path) => false;
    }
}
