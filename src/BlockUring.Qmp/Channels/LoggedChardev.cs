using BlockUring.Native.Memory;

namespace BlockUring.Qmp.Channels;

/// <summary>A device of which a file keeps what was sent.</summary>
/// <param name="inner">The device.</param>
/// <param name="log">The file; is closed with the device.</param>
internal sealed class LoggedChardev(Chardev inner, FileStream log) : Chardev(inner.Label)
{
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
        await inner.NextClientAsync() is { } channel ? new LoggedChannel(channel, log) : null;

    /// <inheritdoc/>
    public override async ValueTask StopAsync()
    {
        await inner.StopAsync();
        if (!HasFrontend)
            await log.DisposeAsync();
    }

    private sealed class LoggedChannel(ByteChannel inner, FileStream log) : ByteChannel
    {
        public override ValueTask<int> ReceiveAsync(IoMemory destination) => inner.ReceiveAsync(destination);

        public override async ValueTask<int> SendAsync(IoMemory source)
        {
            var count = await inner.SendAsync(source);
            if (count > 0)
                Keep(source.Span[..count]);
            return count;
        }

        public override ValueTask ShutdownAsync() => inner.ShutdownAsync();

        protected override void Dispose(bool isDisposing) => inner.Dispose();

        // Why passed over: a log that cannot be written must not end the connection.
        private void Keep(ReadOnlySpan<byte> sent)
        {
            try
            {
                log.Write(sent);
                log.Flush();
            }
            catch (IOException)
            {
                return;
            }
        }
    }
}
