using BlockUring.Native.Memory;
using BlockUring.Storage;

namespace BlockUring.Images.Qcow2;

/// <summary>Writes metadata of a new file in large pieces, one after the other, from the second cluster on.</summary>
internal sealed class SequentialWriter : IDisposable
{
    private const int BufferLength = 1 << 20;

    private readonly BlockFile file;
    private readonly IoBuffer buffer;
    private readonly int clusterLength;
    private long start;
    private int filled;

    public SequentialWriter(BlockFile file, int clusterLength)
    {
        this.file = file;
        this.clusterLength = clusterLength;
        buffer = file.Buffers.Rent(Math.Max(BufferLength, clusterLength));
        start = clusterLength;
    }

    /// <summary>Free space for at least <paramref name="count"/> bytes; what is used of it is told by <see cref="Commit"/>.</summary>
    public async ValueTask<IoMemory> ReserveAsync(int count)
    {
        if (buffer.Length - filled < count)
            await FlushAsync();
        return buffer.Memory.Slice(filled);
    }

    public void Commit(int count) => filled += count;

    /// <summary>Fills up to the next cluster with zeroes.</summary>
    public async ValueTask PadToClusterAsync()
    {
        var left = (int)(-(start + filled) & (clusterLength - 1));
        while (left > 0)
        {
            var free = await ReserveAsync(1);
            var part = Math.Min(left, free.Length);
            free.Span[..part].Clear();
            Commit(part);
            left -= part;
        }
    }

    /// <summary>Skips a range that must read as zeroes; writes it only where the file may hold something else.</summary>
    public async ValueTask ZeroAsync(long length)
    {
        await FlushAsync();
        if (length > 0 && !file.IsFresh)
            await file.WriteZeroesAsync(start, length, mayUnmap: true);
        start += length;
    }

    /// <summary>Writes what is buffered; does not flush the file.</summary>
    public async ValueTask FlushAsync()
    {
        if (filled == 0)
            return;
        await file.WriteAsync(start, buffer.Memory.Slice(0, filled));
        start += filled;
        filled = 0;
    }

    public void Dispose() => buffer.Dispose();
}
