using System.Runtime.CompilerServices;
using BlockUring.Images;
using BlockUring.Native.Memory;
using BlockUring.Storage;

namespace BlockUring.Copy;

/// <summary>Writes chunks to a target: runs of zeroes are stored as such or left out, data is compressed on request.</summary>
/// <remarks>One request at a time; disposing it is disposing of the compressor.</remarks>
internal sealed class ChunkWriter : IDisposable
{
    private readonly GuestDisk target;
    private readonly int granularity;

    /// <param name="target">What is written.</param>
    /// <param name="granularity">The shortest run of zeroes that counts, in bytes, a power of two; 0 when none do.</param>
    public ChunkWriter(GuestDisk target, int granularity)
    {
        this.target = target;
        this.granularity = granularity;
    }

    /// <summary>Compresses clusters; null means not.</summary>
    public ClusterCompressor? Compressor { get; init; }

    /// <summary>Whether zeroes at an offset must be stored, rather than left out since the target reads so already.</summary>
    public Func<long, bool> MustStoreZeroes { get; init; } = _ => true;

    /// <summary>What is said of every write.</summary>
    public WriteFlags Flags { get; init; }

    /// <summary>What is said of zeroes besides; without <see cref="WriteFlags.MayUnmap"/> they hide whatever the target is put over.</summary>
    public WriteFlags ZeroFlags { get; init; } = WriteFlags.MayUnmap;

    /// <summary>Writes a chunk.</summary>
    /// <returns>Bytes of data, without zeroes.</returns>
    public ValueTask<int> WriteAsync(long offset, IoMemory memory) =>
        Compressor != null ? Compressor.WriteAsync(offset, memory, MustStoreZeroes(offset) ? ZeroFlags : null) : WriteRunsAsync(offset, memory);

    /// <summary>Stores zeroes where they must be.</summary>
    public ValueTask ZeroAsync(long offset, long length) =>
        MustStoreZeroes(offset) ? target.WriteZeroesAsync(offset, length, Flags | ZeroFlags) : ValueTask.CompletedTask;

    public void Dispose() => Compressor?.Dispose();

    [AsyncMethodBuilder(typeof(PooledTaskBuilder<>))]
    private async ValueTask<int> WriteRunsAsync(long offset, IoMemory memory)
    {
        var data = 0;
        for (var done = 0; done < memory.Length;)
        {
            var run = NextRun(memory, offset, done, out var isZero);
            if (isZero)
            {
                await ZeroAsync(offset + done, run);
            }
            else
            {
                await target.WriteAsync(offset + done, memory.Slice(done, run), Flags);
                data += run;
            }

            done += run;
        }

        return data;
    }

    // Runs end on multiples of the granularity in the target, so the first block of an unaligned piece is short.
    private int NextRun(IoMemory memory, long offset, int done, out bool isZero)
    {
        isZero = false;
        if (granularity == 0)
            return memory.Length - done;
        var span = memory.Span[done..];
        var misaligned = (int)((offset + done) & (granularity - 1));
        if (misaligned == 0)
            return ZeroDetector.FirstRun(span, granularity, out isZero);
        var first = Math.Min(span.Length, granularity - misaligned);
        isZero = ZeroDetector.IsZero(span[..first]);
        return first;
    }
}
