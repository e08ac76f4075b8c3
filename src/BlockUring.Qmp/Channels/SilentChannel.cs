using BlockUring.Native.Channels;
using BlockUring.Native.Memory;
using BlockUring.Storage;

namespace BlockUring.Qmp.Channels;

/// <summary>A connection whose other side never says anything.</summary>
internal abstract class SilentChannel : ByteChannel
{
    private readonly Arrival ended = new();
    private bool hasEnded;

    /// <inheritdoc/>
    public sealed override async ValueTask<int> ReceiveAsync(IoMemory destination)
    {
        await ended;
        return 0;
    }

    /// <inheritdoc/>
    public override ValueTask ShutdownAsync()
    {
        if (!hasEnded)
        {
            hasEnded = true;
            ended.Succeed();
        }

        return default;
    }
}
