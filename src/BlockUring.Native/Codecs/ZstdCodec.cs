using System.Buffers.Binary;

namespace BlockUring.Native.Codecs;

/// <summary>
/// Zstandard frames over one of two libraries with the same C interface: the system's libzstd where it loads, else ZstdSharp, which
/// is always there.
/// </summary>
/// <remarks>
/// Why: two of them. For clusters of 64 KiB in a NativeAOT binary, libzstd 1.5.4 against ZstdSharp 0.8.8 in MB/s: level 1 347 : 293,
/// level 3 221 : 156, level 9 65 : 44, unpacking 1100 : 860. A program that must run everywhere cannot depend on the first.
/// </remarks>
internal abstract unsafe class ZstdCodec : ClusterCodec
{
    // RFC 8878, section 3.1: the magic numbers of a frame and of the sixteen kinds of skippable frame.
    private const uint FrameMagic = 0xFD2FB528;
    private const uint SkippableMagic = 0x184D2A50;
    private const uint SkippableMask = 0xFFFFFFF0;

    // zstd_errors.h: a size of the library is an error when it is a small negative number.
    private const int MaxError = 120;
    private const int MemoryAllocationError = 64;
    private const int DestinationTooSmallError = 70;

    private bool disposed;

    private protected ZstdCodec(int level) : base(CompressionType.Zstd, level)
    {
    }

    /// <summary>The faster codec that this host has.</summary>
    internal static ZstdCodec Create(int level) =>
        LibZstd.IsAvailable ? new LibZstdCodec(level) : new ZstdSharpCodec(level);

    public sealed override int Compress(ReadOnlySpan<byte> source, Span<byte> destination)
    {
        ObjectDisposedException.ThrowIf(disposed, this);
        if (destination.IsEmpty)
            return -1;
        nuint length;
        fixed (byte* from = source, to = destination)
        {
            length = CompressFrame(to, (nuint)destination.Length, from, (nuint)source.Length);
        }

        return ErrorOf(length) switch
        {
            0 => (int)length,
            DestinationTooSmallError => -1,
            MemoryAllocationError => throw new InsufficientMemoryException($"{Library}: out of memory"),
            int error => throw new InvalidOperationException($"{Library}: compression failed with error {error}"),
        };
    }

    public sealed override bool Decompress(ReadOnlySpan<byte> source, Span<byte> destination)
    {
        ObjectDisposedException.ThrowIf(disposed, this);
        fixed (byte* from = source, to = destination)
        {
            // A cluster may be made of several frames. Each is measured first, because the library refuses bytes that follow one.
            int read = 0;
            int written = 0;
            while (written < destination.Length)
            {
                if (!StartsFrame(source[read..]))
                    return false;
                nuint frame = FrameLength(from + read, (nuint)(source.Length - read));
                if (ErrorOf(frame) != 0)
                    return false;
                nuint length = DecompressFrame(to + written, (nuint)(destination.Length - written), from + read, frame);
                if (ErrorOf(length) != 0)
                    return false;
                read += (int)frame;
                written += (int)length;
            }

            return true;
        }
    }

    /// <summary>ZSTD_compressCCtx.</summary>
    private protected abstract nuint CompressFrame(byte* destination, nuint capacity, byte* source, nuint length);

    /// <summary>ZSTD_decompressDCtx.</summary>
    private protected abstract nuint DecompressFrame(byte* destination, nuint capacity, byte* source, nuint length);

    /// <summary>ZSTD_findFrameCompressedSize.</summary>
    private protected abstract nuint FrameLength(byte* source, nuint length);

    /// <summary>Frees both contexts; called once.</summary>
    private protected abstract void Free();

    protected sealed override void Dispose(bool disposing)
    {
        if (disposed)
            return;
        disposed = true;
        Free();
    }

    // Why: a libzstd built with support for the formats before RFC 8878 would decode those too, by code that sees little care.
    private static bool StartsFrame(ReadOnlySpan<byte> source) =>
        BinaryPrimitives.TryReadUInt32LittleEndian(source, out uint magic)
        && (magic == FrameMagic || (magic & SkippableMask) == SkippableMagic);

    private static int ErrorOf(nuint result)
    {
        nint negated = -(nint)result;
        return negated is > 0 and <= MaxError ? (int)negated : 0;
    }
}
