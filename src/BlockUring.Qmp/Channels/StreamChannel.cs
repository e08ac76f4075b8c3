using BlockUring.Native.Memory;
using BlockUring.Native.Uring;

namespace BlockUring.Qmp.Channels;

/// <summary>Two descriptors that are read and written as they come: standard input and output, a pipe, a terminal. They are not closed.</summary>
internal sealed class StreamChannel(IoThread thread, int input, int output) : ByteChannel
{
    private readonly DescriptorTarget source = new(input, "stdin");
    private readonly DescriptorTarget target = new(output, "stdout");

    /// <inheritdoc/>
    public override ValueTask<int> ReceiveAsync(IoMemory destination) => thread.Queue.ReadStreamAsync(source, destination);

    /// <inheritdoc/>
    public override ValueTask<int> SendAsync(IoMemory source) => thread.Queue.WriteStreamAsync(target, source);

    /// <inheritdoc/>
    public override async ValueTask ShutdownAsync()
    {
        await thread.Queue.CancelAllAsync(source);
        await thread.Queue.CancelAllAsync(target);
    }

    /// <inheritdoc/>
    protected override void Dispose(bool isDisposing)
    {
    }
}
