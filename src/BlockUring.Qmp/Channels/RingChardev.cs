using BlockUring.Native.Channels;
using BlockUring.Native.Memory;

namespace BlockUring.Qmp.Channels;

/// <summary>A device that keeps in memory the last bytes that were sent to it.</summary>
internal sealed class RingChardev(string label, string backend, int capacity) : OneClientChardev(label)
{
    /// <inheritdoc/>
    public override string Filename => backend;

    /// <inheritdoc/>
    internal override RingBytes Ring { get; } = new(capacity);

    /// <inheritdoc/>
    protected override ByteChannel Connect() => new RingChannel(Ring);

    private sealed class RingChannel(RingBytes ring) : SilentChannel
    {
        public override ValueTask<int> SendAsync(IoMemory source)
        {
            ring.Write(source.Span);
            return new(source.Length);
        }

        protected override void Dispose(bool isDisposing)
        {
        }
    }
}
