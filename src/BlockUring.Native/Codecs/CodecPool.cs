using System.Collections.Concurrent;

namespace BlockUring.Native.Codecs;

/// <summary>
/// Codecs of one method and level, lent to whoever has a cluster to work on now: as many as threads work at the same time, since one
/// takes up to a few MiB. Any thread.
/// </summary>
public sealed class CodecPool : IDisposable
{
    private readonly ConcurrentStack<ClusterCodec> idle = new();
    private readonly CompressionType type;
    private readonly int? level;

    /// <summary>Makes an empty pool.</summary>
    /// <param name="type">The method.</param>
    /// <param name="level">How hard to compress; null for the method's default.</param>
    public CodecPool(CompressionType type, int? level = null)
    {
        this.type = type;
        this.level = level;
    }

    /// <summary>Compresses; see <see cref="ClusterCodec.Compress"/>.</summary>
    public int Compress(ReadOnlySpan<byte> source, Span<byte> destination)
    {
        var codec = Rent();
        try
        {
            return codec.Compress(source, destination);
        }
        finally
        {
            idle.Push(codec);
        }
    }

    /// <summary>Decompresses; see <see cref="ClusterCodec.Decompress"/>.</summary>
    public bool Decompress(ReadOnlySpan<byte> source, Span<byte> destination)
    {
        var codec = Rent();
        try
        {
            return codec.Decompress(source, destination);
        }
        finally
        {
            idle.Push(codec);
        }
    }

    /// <summary>Frees the codecs; none may be in use.</summary>
    public void Dispose()
    {
        while (idle.TryPop(out var codec))
            codec.Dispose();
    }

    private ClusterCodec Rent() => idle.TryPop(out var codec) ? codec : ClusterCodec.Create(type, level);
}
