using BlockUring.Native.Channels;
using BlockUring.Native.Interop;
using BlockUring.Native.Memory;
using BlockUring.Native.Uring;

namespace BlockUring.Qmp.Channels;

/// <summary>A device of which a file keeps what was sent.</summary>
/// <param name="thread">Serves the file.</param>
/// <param name="inner">The device.</param>
/// <param name="log">The file's descriptor; is closed with the device, unless that is in use until the end.</param>
internal sealed class LoggedChardev(IoThread thread, Chardev inner, int log) : Chardev(inner.Label)
{
    private readonly DescriptorTarget target = new(log, "log");
    private bool isClosed;

    /// <inheritdoc/>
    public override string Filename => inner.Filename;

    /// <inheritdoc/>
    internal override RingBytes? Ring => inner.Ring;

    /// <inheritdoc/>
    internal override bool IsStandardStream => inner.IsStandardStream;

    /// <inheritdoc/>
    internal override string? SocketPath => inner.SocketPath;

    /// <inheritdoc/>
    public override async ValueTask<ByteChannel?> NextClientAsync() =>
        await inner.NextClientAsync() is { } channel ? new LoggedChannel(thread, channel, target) : null;

    /// <inheritdoc/>
    public override async ValueTask StopAsync()
    {
        await inner.StopAsync();
        if (HasFrontend || isClosed)
            return;
        isClosed = true;
        _ = FileSystemCalls.Close(log);
    }

    private sealed class LoggedChannel(IoThread thread, ByteChannel inner, DescriptorTarget log) : ByteChannel
    {
        public override ValueTask<int> ReceiveAsync(IoMemory destination) => inner.ReceiveAsync(destination);

        public override async ValueTask<int> SendAsync(IoMemory source)
        {
            var count = await inner.SendAsync(source);
            for (var kept = 0; kept < count;)
            {
                // Why failures are passed over: a log that cannot be written must not end the connection.
                var written = await thread.Queue.WriteStreamAsync(log, source.Slice(kept, count - kept));
                if (written <= 0)
                    break;
                kept += written;
            }

            return count;
        }

        public override ValueTask ShutdownAsync() => inner.ShutdownAsync();

        protected override void Dispose(bool isDisposing) => inner.Dispose();
    }
}
