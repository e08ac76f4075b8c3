using BlockUring.Native.Memory;

namespace BlockUring.Storage;

/// <summary>A sparse file in memory. Every request completes at once.</summary>
public sealed class MemoryFile : BlockFile
{
    private const int PageBits = 12;
    private const int PageLength = 1 << PageBits;

    private readonly Dictionary<long, byte[]> pages = [];
    private readonly bool readOnly;
    private long length;

    /// <summary>Makes a file of zeroes.</summary>
    /// <param name="buffers">Where users of the file rent buffers.</param>
    /// <param name="path">The name to print.</param>
    /// <param name="length">Bytes.</param>
    /// <param name="readOnly">Whether writes are refused.</param>
    public MemoryFile(BufferPool buffers, string path = "memory", long length = 0, bool readOnly = false)
    {
        Buffers = buffers;
        Path = path;
        this.length = length;
        this.readOnly = readOnly;
    }

    /// <inheritdoc/>
    public override string Path { get; }

    /// <inheritdoc/>
    public override long Length => length;

    /// <inheritdoc/>
    public override bool IsReadOnly => readOnly;

    /// <inheritdoc/>
    public override bool IsFresh => !readOnly;

    /// <inheritdoc/>
    public override BlockLimits Limits { get; } = new();

    /// <inheritdoc/>
    public override BufferPool Buffers { get; }

    /// <inheritdoc/>
    public override long AllocatedBytes => (long)pages.Count << PageBits;

    /// <summary>Reads without an I/O buffer; beyond the end there are zeroes.</summary>
    public void Read(long offset, Span<byte> destination)
    {
        while (destination.Length > 0)
        {
            var (part, within) = Part(offset, destination.Length);
            if (pages.TryGetValue(offset >> PageBits, out var page))
                page.AsSpan(within, part).CopyTo(destination);
            else
                destination[..part].Clear();
            destination = destination[part..];
            offset += part;
        }
    }

    /// <summary>Writes without an I/O buffer, growing the file where needed.</summary>
    public void Write(long offset, ReadOnlySpan<byte> source)
    {
        DemandWritable(offset);
        length = Math.Max(length, offset + source.Length);
        while (source.Length > 0)
        {
            var (part, within) = Part(offset, source.Length);
            if (!pages.TryGetValue(offset >> PageBits, out var page))
                pages[offset >> PageBits] = page = new byte[PageLength];
            source[..part].CopyTo(page.AsSpan(within));
            source = source[part..];
            offset += part;
        }
    }

    /// <inheritdoc/>
    public override ValueTask ReadAsync(long offset, IoMemory destination)
    {
        Read(offset, destination.Span);
        return ValueTask.CompletedTask;
    }

    /// <inheritdoc/>
    public override ValueTask WriteAsync(long offset, IoMemory source)
    {
        Write(offset, source.Span);
        return ValueTask.CompletedTask;
    }

    /// <inheritdoc/>
    public override ValueTask WriteZeroesAsync(long offset, long length, bool mayUnmap)
    {
        DemandWritable(offset);
        this.length = Math.Max(this.length, offset + length);
        Clear(offset, length);
        return ValueTask.CompletedTask;
    }

    /// <inheritdoc/>
    public override ValueTask DiscardAsync(long offset, long length)
    {
        DemandWritable(offset);
        Clear(offset, Math.Min(length, this.length - offset));
        return ValueTask.CompletedTask;
    }

    /// <inheritdoc/>
    public override ValueTask FlushAsync() => ValueTask.CompletedTask;

    /// <inheritdoc/>
    public override ValueTask SetLengthAsync(long length, PreallocationMode preallocation = PreallocationMode.Off)
    {
        DemandWritable(0);
        if (length < this.length)
            Clear(length, this.length - length);
        this.length = length;
        return ValueTask.CompletedTask;
    }

    /// <inheritdoc/>
    public override ValueTask<FileExtent> GetExtentAsync(long offset, long maxLength)
    {
        if (offset >= length)
            return new(new FileExtent(maxLength, true));
        var end = Math.Min(length, offset + maxLength);
        var isHole = !pages.ContainsKey(offset >> PageBits);
        var next = ((offset >> PageBits) + 1) << PageBits;
        while (next < end && pages.ContainsKey(next >> PageBits) != isHole)
            next += PageLength;
        return new(new FileExtent(Math.Min(next, end) - offset, isHole));
    }

    private static (int Part, int Within) Part(long offset, int wanted)
    {
        var within = (int)(offset & (PageLength - 1));
        return (Math.Min(wanted, PageLength - within), within);
    }

    private void Clear(long offset, long count)
    {
        // Why: the range may be far longer than all that is there.
        if (count >> PageBits > pages.Count)
        {
            foreach (var page in pages.Keys.Where(p => p << PageBits >= offset && p + 1 <= (offset + count) >> PageBits).ToArray())
                pages.Remove(page);
            var end = offset + count;
            var tail = Math.Max(offset, end & -(long)PageLength);
            ClearPages(offset, Math.Min(end, ((offset >> PageBits) + 1) << PageBits) - offset);
            ClearPages(tail, end - tail);
            return;
        }

        ClearPages(offset, count);
    }

    private void ClearPages(long offset, long count)
    {
        while (count > 0)
        {
            var (part, within) = Part(offset, (int)Math.Min(count, PageLength));
            if (part == PageLength)
                pages.Remove(offset >> PageBits);
            else if (pages.TryGetValue(offset >> PageBits, out var page))
                page.AsSpan(within, part).Clear();
            offset += part;
            count -= part;
        }
    }

    private void DemandWritable(long offset)
    {
        if (readOnly)
            throw BlockException.FromErrno(Native.Interop.Errno.EACCES, "Could not write", Path, offset);
    }
}
