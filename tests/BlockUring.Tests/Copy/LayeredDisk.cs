using BlockUring.Images;
using BlockUring.Native.Memory;

namespace BlockUring.Tests.Copy;

/// <summary>A disk in memory whose status is what the test says, and that holds requests back when told to.</summary>
internal sealed class LayeredDisk(BufferPool buffers, byte[] content, GuestDisk? backing = null) : GuestDisk
{
    private readonly List<(long Start, long End, BlockStatus Status)> runs = [];
    private readonly Queue<TaskCompletionSource> held = new();

    public byte[] Content => content;

    /// <summary>Every request, "write 0+65536".</summary>
    public List<string> Log { get; } = [];

    public bool HoldsReads { get; set; }

    public Exception? FailsWrites { get; set; }

    public Exception? FailsDiscards { get; set; }

    public override long Length => content.Length;

    public override BufferPool Buffers => buffers;

    public override GuestDisk? Backing => backing;

    public void SetStatus(long start, long end, bool isZero, bool isAllocated) =>
        runs.Add((start, end, new BlockStatus(end - start, !isZero && isAllocated, isZero, isAllocated)));

    public void ReleaseOne() => held.Dequeue().SetResult();

    public override async ValueTask ReadAsync(long offset, IoMemory destination)
    {
        Log.Add($"read {offset}+{destination.Length}");
        if (HoldsReads)
        {
            held.Enqueue(new TaskCompletionSource());
            await held.Last().Task;
        }

        content.AsSpan((int)offset, destination.Length).CopyTo(destination.Span);
    }

    public override ValueTask WriteAsync(long offset, IoMemory source, WriteFlags flags = WriteFlags.None)
    {
        Log.Add($"write {offset}+{source.Length}");
        if (FailsWrites != null)
            return ValueTask.FromException(FailsWrites);
        source.Span.CopyTo(content.AsSpan((int)offset));
        return ValueTask.CompletedTask;
    }

    public override ValueTask WriteZeroesAsync(long offset, long length, WriteFlags flags = WriteFlags.None)
    {
        Log.Add($"zero {offset}+{length}");
        content.AsSpan((int)offset, (int)length).Clear();
        return ValueTask.CompletedTask;
    }

    public override ValueTask DiscardAsync(long offset, long length)
    {
        Log.Add($"discard {offset}+{length}");
        return FailsDiscards == null ? ValueTask.CompletedTask : ValueTask.FromException(FailsDiscards);
    }

    public override ValueTask WriteCompressedAsync(long offset, IoMemory compressed) => throw new NotSupportedException();

    public override ValueTask FlushAsync() => ValueTask.CompletedTask;

    public override ValueTask<BlockStatus> GetLayerStatusAsync(long offset, long maxLength, bool wantZero = true)
    {
        var (_, end, status) = runs.Find(r => r.Start <= offset && offset < r.End);
        if (end > 0)
            return new(status with { Length = Math.Min(maxLength, end - offset) });
        var next = runs.Where(r => r.Start > offset).Select(r => r.Start).DefaultIfEmpty(Length).Min();
        return new(new BlockStatus(Math.Min(maxLength, next - offset), true, false, true));
    }
}
