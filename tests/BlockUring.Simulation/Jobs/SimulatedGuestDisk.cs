using BlockUring.Images;
using BlockUring.Native.Memory;
using BlockUring.Storage;

namespace BlockUring.Simulation.Jobs;

/// <summary>A disk of zeroes whose reads end, or fail, when the scheduler says so.</summary>
internal sealed class SimulatedGuestDisk : GuestDisk, IPendingWork
{
    private readonly List<(long Offset, IoMemory Memory, TaskCompletionSource Ended)> waiting = [];

    public SimulatedGuestDisk(SimulatedScheduler scheduler, long length)
    {
        Length = length;
        Buffers = scheduler.Buffers;
        scheduler.Add(this);
    }

    public override long Length { get; }

    public override BufferPool Buffers { get; }

    /// <summary>The error number with which a read at this offset fails when it ends; 0 for none.</summary>
    public Func<long, int> Fault { get; set; } = _ => 0;

    /// <summary>Whether reads end before they return.</summary>
    public bool EndsAtOnce { get; set; }

    /// <summary>What was read, in the order in which it ended.</summary>
    public List<(long Offset, int Length)> Reads { get; } = [];

    public int PendingCount => waiting.Count;

    public void Complete(int index)
    {
        var (offset, memory, ended) = waiting[index];
        waiting.RemoveAt(index);
        var fault = Fault(offset);
        if (fault != 0)
        {
            ended.SetException(BlockException.FromErrno(fault, "Could not read", "disk", offset));
            return;
        }

        Finish(offset, memory);
        ended.SetResult();
    }

    public override ValueTask ReadAsync(long offset, IoMemory destination)
    {
        DemandInside(offset, destination.Length);
        if (EndsAtOnce)
        {
            Finish(offset, destination);
            return ValueTask.CompletedTask;
        }

        var ended = new TaskCompletionSource();
        waiting.Add((offset, destination, ended));
        return new(ended.Task);
    }

    public override ValueTask WriteAsync(long offset, IoMemory source, WriteFlags flags = WriteFlags.None) => throw new NotSupportedException();

    public override ValueTask WriteZeroesAsync(long offset, long length, WriteFlags flags = WriteFlags.None) => throw new NotSupportedException();

    public override ValueTask DiscardAsync(long offset, long length) => throw new NotSupportedException();

    public override ValueTask WriteCompressedAsync(long offset, IoMemory compressed) => throw new NotSupportedException();

    public override ValueTask FlushAsync() => throw new NotSupportedException();

    public override ValueTask<BlockStatus> GetLayerStatusAsync(long offset, long maxLength, bool wantZero = true) =>
        throw new NotSupportedException();

    private void Finish(long offset, IoMemory memory)
    {
        memory.Span.Clear();
        Reads.Add((offset, memory.Length));
    }
}
