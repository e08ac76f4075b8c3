namespace BlockUring.Native.Codecs;

/// <summary>
/// Packs and unpacks single clusters as qcow2 stores them. It owns native memory and scratch state: one thread at a time uses it,
/// its owner disposes it, and once made it allocates nothing on the managed heap.
/// </summary>
public abstract class ClusterCodec : IDisposable
{
    private protected ClusterCodec(CompressionType type, int level)
    {
        Type = type;
        Level = level;
    }

    /// <summary>What this codec reads and writes.</summary>
    public CompressionType Type { get; }

    /// <summary>The effort of <see cref="Compress"/>, from <see cref="MinLevel"/> to <see cref="MaxLevel"/>.</summary>
    public int Level { get; }

    /// <summary>The library that does the work, such as "zlib-ng", "libzstd 1.5.4" or "ZstdSharp".</summary>
    public abstract string Library { get; }

    /// <summary>Makes a codec.</summary>
    /// <param name="type">What to read and write.</param>
    /// <param name="level">Effort of <see cref="Compress"/>; null is <see cref="DefaultLevel"/>.</param>
    /// <exception cref="ArgumentOutOfRangeException">No such type, or the level is outside its range.</exception>
    /// <exception cref="InsufficientMemoryException">The library found no memory for its state.</exception>
    public static ClusterCodec Create(CompressionType type, int? level = null)
    {
        int effort = level ?? DefaultLevel(type);
        ArgumentOutOfRangeException.ThrowIfLessThan(effort, MinLevel(type), nameof(level));
        ArgumentOutOfRangeException.ThrowIfGreaterThan(effort, MaxLevel(type), nameof(level));
        return type == CompressionType.Zlib ? new ZlibCodec(effort) : ZstdCodec.Create(effort);
    }

    /// <summary>The fastest level of a type.</summary>
    /// <exception cref="ArgumentOutOfRangeException">No such type.</exception>
    public static int MinLevel(CompressionType type) => Choose(type, zlib: 1, zstd: 1);

    /// <summary>The level of a type that packs the smallest.</summary>
    /// <exception cref="ArgumentOutOfRangeException">No such type.</exception>
    public static int MaxLevel(CompressionType type) => Choose(type, zlib: 9, zstd: 22);

    /// <summary>The level of a type when none is asked for: the libraries' own, as QEMU uses them.</summary>
    /// <exception cref="ArgumentOutOfRangeException">No such type.</exception>
    public static int DefaultLevel(CompressionType type) => Choose(type, zlib: 6, zstd: 3);

    /// <summary>Packs a cluster.</summary>
    /// <param name="source">The whole cluster.</param>
    /// <param name="destination">Receives the packed bytes; must not overlap the source. Its content is undefined on -1.</param>
    /// <returns>The packed length in bytes, or -1 when the destination is too small for it.</returns>
    /// <exception cref="ObjectDisposedException">The codec was disposed.</exception>
    /// <exception cref="InsufficientMemoryException">The library found no memory.</exception>
    public abstract int Compress(ReadOnlySpan<byte> source, Span<byte> destination);

    /// <summary>Unpacks a cluster from untrusted bytes.</summary>
    /// <param name="source">
    /// The packed bytes. qcow2 knows their length only in sectors of 512 bytes, so that anything may follow them.
    /// </param>
    /// <param name="destination">Receives the cluster; must not overlap the source. Its content is undefined on false.</param>
    /// <returns>True only if every byte of the destination was unpacked; false for any damage.</returns>
    /// <exception cref="ObjectDisposedException">The codec was disposed.</exception>
    public abstract bool Decompress(ReadOnlySpan<byte> source, Span<byte> destination);

    /// <summary>Gives the native memory back. May be called again.</summary>
    public void Dispose()
    {
        Dispose(disposing: true);
        GC.SuppressFinalize(this);
    }

    /// <summary>Gives the native memory back; harmless when called again.</summary>
    /// <param name="disposing">Always true: there is no finalizer.</param>
    protected abstract void Dispose(bool disposing);

    private static int Choose(CompressionType type, int zlib, int zstd) => type switch
    {
        CompressionType.Zlib => zlib,
        CompressionType.Zstd => zstd,
        _ => throw new ArgumentOutOfRangeException(nameof(type), type, "No such compression type."),
    };
}
