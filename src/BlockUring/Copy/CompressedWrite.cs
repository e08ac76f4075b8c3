using BlockUring.Images;
using BlockUring.Native.Codecs;
using BlockUring.Native.Memory;
using BlockUring.Native.Uring;

namespace BlockUring.Copy;

/// <summary>Writes clusters compressed, by themselves: for those who write few.</summary>
public static class CompressedWrite
{
    /// <summary>Compresses and writes.</summary>
    /// <param name="scheduler">Compresses beside other work.</param>
    /// <param name="target">A disk with compressed clusters.</param>
    /// <param name="type">Their kind.</param>
    /// <param name="offset">Where a cluster begins.</param>
    /// <param name="source">Whole clusters; only the disk's last one may be short, and then the buffer has room for the whole of it.</param>
    public static async ValueTask RunAsync(Scheduler scheduler, GuestDisk target, CompressionType type, long offset, IoMemory source)
    {
        using var codecs = new CodecPool(type);
        using var compressor = new ClusterCompressor(scheduler, target, codecs);
        await compressor.WriteAsync(offset, source, WriteFlags.MayUnmap);
    }
}
