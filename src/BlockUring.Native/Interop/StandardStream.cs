using Tmds.Linux;

namespace BlockUring.Native.Interop;

/// <summary>
/// Standard output or standard error, written by write(2) at once. Failures are passed over, as C's stdio does with a program that does
/// not ask: a reader that has gone away does not end the program.
/// </summary>
/// <remarks>The run-time's own console stream starts a thread and takes over signals at the first write, which costs a short command more than its work.</remarks>
public sealed unsafe class StandardStream : Stream
{
    private readonly int descriptor;

    private StandardStream(int descriptor) => this.descriptor = descriptor;

    /// <summary>Standard output.</summary>
    public static StandardStream Output { get; } = new(1);

    /// <summary>Standard error.</summary>
    public static StandardStream Error { get; } = new(2);

    /// <inheritdoc/>
    public override bool CanRead => false;

    /// <inheritdoc/>
    public override bool CanSeek => false;

    /// <inheritdoc/>
    public override bool CanWrite => true;

    /// <inheritdoc/>
    public override long Length => throw new NotSupportedException();

    /// <inheritdoc/>
    public override long Position
    {
        get => throw new NotSupportedException();
        set => throw new NotSupportedException();
    }

    /// <summary>Whether the stream is a terminal.</summary>
    public bool IsTerminal => LibC.isatty(descriptor) == 1;

    /// <inheritdoc/>
    public override void Write(ReadOnlySpan<byte> buffer)
    {
        fixed (byte* start = buffer)
        {
            for (var written = 0; written < buffer.Length;)
            {
                var count = (int)LibC.write(descriptor, start + written, (size_t)(ulong)(buffer.Length - written));
                if (count > 0)
                    written += count;
                else if (!MayTryAgain())
                    return;
            }
        }
    }

    /// <inheritdoc/>
    public override void Write(byte[] buffer, int offset, int count) => Write(buffer.AsSpan(offset, count));

    /// <inheritdoc/>
    public override void Flush()
    {
    }

    /// <inheritdoc/>
    public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    /// <inheritdoc/>
    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    /// <inheritdoc/>
    public override void SetLength(long value) => throw new NotSupportedException();

    // A pipe or terminal that somebody made non-blocking is waited for.
    private bool MayTryAgain()
    {
        switch (Errno.Last)
        {
            case Errno.EINTR:
                return true;
            case Errno.EAGAIN:
                var poll = new pollfd { fd = descriptor, events = LibC.POLLOUT };
                return LibC.poll(&poll, 1, -1) >= 0 || Errno.Last == Errno.EINTR;
            default:
                return false;
        }
    }
}
