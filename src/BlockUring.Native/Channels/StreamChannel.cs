using BlockUring.Native.Memory;
using BlockUring.Native.Uring;

namespace BlockUring.Native.Channels;

/// <summary>Two descriptors that are read and written as they come: standard input and output, a pipe, a terminal.</summary>
/// <param name="thread">Serves them.</param>
/// <param name="input">Is read.</param>
/// <param name="output">Is written.</param>
/// <param name="close">Closes them, at the end; null where they stay open.</param>
public sealed class StreamChannel(IoThread thread, int input, int output, Action? close = null) : ByteChannel
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
    protected override void Dispose(bool isDisposing) => close?.Invoke();
}
