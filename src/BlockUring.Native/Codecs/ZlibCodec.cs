namespace BlockUring.Native.Codecs;

/// <summary>Raw deflate with a window of 4 KiB, as qcow2's "zlib" clusters are; reads any window.</summary>
internal sealed unsafe class ZlibCodec : ClusterCodec
{
    // Readers of qcow2 ask their inflate for a 4 KiB window, and one that holds no more than that refuses to look back farther.
    private const int WriteWindowBits = -12;

    // Why: a 4 KiB stream is valid in the largest window as well, and some writers get the window wrong.
    private const int ReadWindowBits = -15;

    private const int MemoryLevel = 9;

    private ZlibStream inflater;
    private bool disposed;

    internal ZlibCodec(int level) : base(CompressionType.Zlib, level)
    {
        fixed (ZlibStream* stream = &inflater)
        {
            ThrowIfFailed(ZlibNative.InflateInit(stream, ReadWindowBits), nameof(ZlibNative.InflateInit));
        }
    }

    public override string Library => "zlib-ng";

    public override int Compress(ReadOnlySpan<byte> source, Span<byte> destination)
    {
        ObjectDisposedException.ThrowIf(disposed, this);
        if (destination.IsEmpty)
            return -1;

        // Why: the runtime exports no deflateReset. A start and an end cost 2 µs of the 630 µs that a cluster of 64 KiB takes at
        // level 6; keeping one stream by full flushes measured the same, and would have to be thrown away after each overflow.
        ZlibStream stream = default;
        int status = ZlibNative.DeflateInit(
            &stream, Level, ZlibNative.Deflated, WriteWindowBits, MemoryLevel, ZlibNative.DefaultStrategy);
        ThrowIfFailed(status, nameof(ZlibNative.DeflateInit));
        fixed (byte* from = source, to = destination)
        {
            stream.NextIn = from;
            stream.AvailableIn = (uint)source.Length;
            stream.NextOut = to;
            stream.AvailableOut = (uint)destination.Length;
            status = ZlibNative.Deflate(&stream, ZlibNative.Finish);
        }

        // An unfinished stream ends with a data error, which says nothing new.
        _ = ZlibNative.DeflateEnd(&stream);
        switch (status)
        {
            case ZlibNative.StreamEnd:
                return destination.Length - (int)stream.AvailableOut;
            case ZlibNative.Ok or ZlibNative.BufferError:
                return -1;
            default:
                ThrowIfFailed(status, nameof(ZlibNative.Deflate));
                return -1;
        }
    }

    public override bool Decompress(ReadOnlySpan<byte> source, Span<byte> destination)
    {
        ObjectDisposedException.ThrowIf(disposed, this);
        if (destination.IsEmpty)
            return true;
        if (source.IsEmpty)
            return false;

        fixed (ZlibStream* stream = &inflater)
        fixed (byte* from = source, to = destination)
        {
            ThrowIfFailed(ZlibNative.InflateReset(stream, ReadWindowBits), nameof(ZlibNative.InflateReset));
            stream->NextIn = from;
            stream->AvailableIn = (uint)source.Length;
            stream->NextOut = to;
            stream->AvailableOut = (uint)destination.Length;
            int status = ZlibNative.Inflate(stream, ZlibNative.Finish);

            // A full destination is a cluster, even if the stream would go on: its end need not be in the last sector read.
            return status is ZlibNative.StreamEnd or ZlibNative.BufferError && stream->AvailableOut == 0;
        }
    }

    protected override void Dispose(bool disposing)
    {
        if (disposed)
            return;
        disposed = true;
        fixed (ZlibStream* stream = &inflater)
        {
            _ = ZlibNative.InflateEnd(stream);
        }
    }

    private static void ThrowIfFailed(int status, string call)
    {
        if (status == ZlibNative.MemoryError)
            throw new InsufficientMemoryException($"zlib-ng: {call}: out of memory");
        if (status != ZlibNative.Ok)
            throw new InvalidOperationException($"zlib-ng: {call} returned {status}");
    }
}
