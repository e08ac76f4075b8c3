using BlockUring.Native.Channels;
using BlockUring.Qmp;
using BlockUring.Qmp.Channels;

namespace BlockUring.Tests.Qmp;

/// <summary>A device whose clients are in the process.</summary>
internal sealed class MemoryChardev(string label) : Chardev(label)
{
    private readonly Queue<MemoryChannel> waiting = new();
    private readonly Signal changed = new();
    private bool isStopping;

    /// <inheritdoc/>
    public override string Filename => "memory";

    /// <summary>A client comes.</summary>
    public void Connect(MemoryChannel channel)
    {
        waiting.Enqueue(channel);
        changed.Raise();
    }

    /// <inheritdoc/>
    public override async ValueTask<ByteChannel?> NextClientAsync()
    {
        while (waiting.Count == 0 && !isStopping)
            await changed.WaitAsync();
        return isStopping ? null : waiting.Dequeue();
    }

    /// <inheritdoc/>
    public override ValueTask StopAsync()
    {
        isStopping = true;
        changed.Raise();
        return default;
    }
}
