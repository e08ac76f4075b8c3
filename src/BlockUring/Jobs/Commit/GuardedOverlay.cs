using System.Runtime.CompilerServices;
using BlockUring.Copy;
using BlockUring.Graph;
using BlockUring.Images;
using BlockUring.Native.Interop;
using BlockUring.Native.Memory;
using BlockUring.Storage;

namespace BlockUring.Jobs.Commit;

/// <summary>One overlay that an <see cref="OverlayGuard"/> keeps as it is: what it lacks, and how it gets that.</summary>
internal sealed class GuardedOverlay : IDisposable
{
    private readonly FormatNode node;
    private readonly ReadTracker reads;
    private readonly ChunkWriter writer;

    public GuardedOverlay(FormatNode node)
    {
        this.node = node;
        reads = node.Image.Reads ??= new ReadTracker();
        reads.UserCount++;

        // Why unchanged: others may write the overlay at the same time, and what it holds by then is newer.
        writer = new ChunkWriter(node, Math.Max(4096, Math.Min(node.ClusterLength, 64 << 10)))
        {
            Flags = WriteFlags.Unchanged,
            ZeroFlags = WriteFlags.None,
        };
    }

    public void Dispose()
    {
        writer.Dispose();
        if (--reads.UserCount == 0)
            node.Image.Reads = null;
    }

    /// <summary>Looks whether the overlay holds anything of its own at <paramref name="offset"/>.</summary>
    /// <returns>For how long it is like that; not more than <paramref name="run"/>.</returns>
    [AsyncMethodBuilder(typeof(PooledTaskBuilder<>))]
    public async ValueTask<(long Run, bool Lacks)> LookAsync(long offset, long run)
    {
        // Behind its end there is nothing that anybody sees.
        if (offset >= node.Length)
            return (run, false);
        try
        {
            var status = await node.GetLayerStatusAsync(offset, Math.Min(run, node.Length - offset), wantZero: false);
            return (Math.Min(run, status.Length), !status.IsAllocated);
        }
        catch (BlockException e)
        {
            throw Explain(e);
        }
    }

    /// <summary>Stores data where the overlay still holds nothing.</summary>
    [AsyncMethodBuilder(typeof(PooledTaskBuilder))]
    public async ValueTask WriteAsync(long offset, IoMemory memory)
    {
        try
        {
            await writer.WriteAsync(offset, memory);
        }
        catch (BlockException e)
        {
            throw Explain(e);
        }
    }

    /// <summary>Stores zeroes, that hide what is below, where the overlay still holds nothing.</summary>
    [AsyncMethodBuilder(typeof(PooledTaskBuilder))]
    public async ValueTask ZeroAsync(long offset, long length)
    {
        try
        {
            await node.WriteZeroesAsync(offset, length, WriteFlags.Unchanged);
        }
        catch (BlockException e)
        {
            throw Explain(e);
        }
    }

    /// <summary>Makes durable what the overlay holds.</summary>
    [AsyncMethodBuilder(typeof(PooledTaskBuilder))]
    public async ValueTask FlushAsync()
    {
        try
        {
            await node.FlushAsync();
        }
        catch (BlockException e)
        {
            throw Explain(e);
        }
    }

    /// <summary>Waits for the reads that may be reading below what the overlay holds by now.</summary>
    public ValueTask WaitForReadsAsync(long start, long end) =>
        reads.Overlaps(start, end) ? reads.WaitAsync(start, end) : ValueTask.CompletedTask;

    // Why no error number: whoever tells the failure by that alone would not say which image it is that lacks space.
    private BlockException Explain(BlockException e) => new(
        e.Kind,
        $"Overlay '{OverlayHold.NameOf(node)}' could not be kept as it is: {(e.ErrorNumber != 0 ? Errno.Message(e.ErrorNumber) : e.Message)}",
        inner: e)
    {
        Path = e.Path,
        Offset = e.Offset,
    };
}
