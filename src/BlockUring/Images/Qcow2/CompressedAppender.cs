using System.Runtime.CompilerServices;
using BlockUring.Native.Memory;
using BlockUring.Storage;

namespace BlockUring.Images.Qcow2;

/// <summary>
/// Puts compressed clusters one after the other, byte by byte, into runs of host clusters, and writes them in large aligned requests. What
/// was appended is in the file after <see cref="SealAsync"/>.
/// </summary>
/// <remarks>
/// One thread only. A host cluster's refcount is the number of compressed clusters that touch it. A request that fails is made again by
/// the next append or seal: nothing appended is lost.
/// </remarks>
internal sealed class CompressedAppender
{
    private const int MinBufferLength = 1 << 20;
    private const int MaxBlockLength = 4096;

    private readonly BlockFile file;
    private readonly Qcow2Geometry geometry;
    private readonly ClusterAllocator allocator;
    private readonly Func<ValueTask> grow;
    private readonly Action<long, long> release;
    private readonly RangeLock turn = new();
    private readonly int runLength;
    private readonly int bufferLength;

    // Why: where clusters are smaller than a page, the bytes around ours belong to others.
    private readonly int blockLength;

    // The buffer stands for the file from bufferStart on; what lies before `written` is there already, or on its way.
    private IoBuffer? filling;
    private long bufferStart;
    private long written;
    private long position;

    // Clusters [touchedEnd, runEnd) are taken, and nothing is in them yet.
    private long runEnd;
    private long touchedEnd;

    private IoBuffer? writing;
    private IoMemory writingPart;
    private long writingOffset;
    private ValueTask pendingWrite;
    private bool mustWriteAgain;

    /// <summary>Makes an appender that holds nothing.</summary>
    /// <param name="file">Where the clusters are.</param>
    /// <param name="geometry">Of the image.</param>
    /// <param name="allocator">Gives clusters.</param>
    /// <param name="grow">Makes the file long enough for all clusters that were given.</param>
    /// <param name="release">Takes clusters (host offset, count) back that are not needed.</param>
    public CompressedAppender(
        BlockFile file, Qcow2Geometry geometry, ClusterAllocator allocator, Func<ValueTask> grow, Action<long, long> release)
    {
        this.file = file;
        this.geometry = geometry;
        this.allocator = allocator;
        this.grow = grow;
        this.release = release;
        bufferLength = Math.Max(MinBufferLength, 2 * geometry.ClusterLength);
        blockLength = Math.Min(MaxBlockLength, geometry.ClusterLength);
        runLength = Math.Max(1, MinBufferLength / geometry.ClusterLength);
    }

    /// <summary>Whether something appended is not in the file yet.</summary>
    public bool IsUnsealed { get; private set; }

    /// <summary>Appends bytes; returns their host offset.</summary>
    /// <param name="compressed">Fewer bytes than a cluster.</param>
    [AsyncMethodBuilder(typeof(PooledTaskBuilder<>))]
    public async ValueTask<long> AppendAsync(IoMemory compressed)
    {
        var held = await turn.AcquireAsync(0, 1);
        try
        {
            file.Announce(FileSteps.ClusterAllocBytes);
            await MakeRoomAsync(compressed.Length);
            compressed.Span.CopyTo(filling!.Span[(int)(position - bufferStart)..]);
            var place = position;
            position += compressed.Length;
            touchedEnd = geometry.RoundUpToCluster(position);
            IsUnsealed = true;
            return place;
        }
        finally
        {
            turn.Release(held);
        }
    }

    /// <summary>Writes everything appended so far.</summary>
    public async ValueTask SealAsync()
    {
        if (!IsUnsealed)
            return;
        var held = await turn.AcquireAsync(0, 1);
        try
        {
            await WriteTailAsync();
        }
        finally
        {
            turn.Release(held);
        }
    }

    /// <summary>Writes everything and gives clusters back that nothing was put into.</summary>
    public async ValueTask FinishAsync()
    {
        if (runEnd == 0)
            return;
        var held = await turn.AcquireAsync(0, 1);
        try
        {
            await WriteTailAsync();
            ReleaseUntouched();
            (position, runEnd, touchedEnd, written, bufferStart) = (0, 0, 0, 0, 0);
            filling?.Dispose();
            filling = null;
        }
        finally
        {
            turn.Release(held);
        }
    }

    /// <summary>Waits for requests in flight, and gives the memory back. What is unsealed is lost.</summary>
    public async ValueTask CloseAsync()
    {
        if (writing != null && !mustWriteAgain)
        {
            try
            {
                await pendingWrite;
            }
            catch (BlockException)
            {
                // Whoever had wanted to know would have sealed.
            }
        }

        filling?.Dispose();
        writing?.Dispose();
        (filling, writing) = (null, null);
    }

    // All that can fail or wait comes first; the last step counts the reference. The bytes can then be put at the position.
    [AsyncMethodBuilder(typeof(PooledTaskBuilder))]
    private async ValueTask MakeRoomAsync(int length)
    {
        while (true)
        {
            if (position + length > runEnd)
                await ExtendAsync(length);
            if (filling != null && position - bufferStart + length > bufferLength)
                await SendAsync();
            filling ??= RentCleared();
            var cluster = position & -(long)geometry.ClusterLength;
            if (cluster >= touchedEnd || await allocator.TryAddReferenceAsync(cluster))
                return;

            // The cluster has as many references as it can have.
            await SkipToAsync(touchedEnd);
        }
    }

    // More clusters: in a row with those at hand where possible, else a new run, and the rest of the old one goes back.
    private async ValueTask ExtendAsync(int length)
    {
        while (position + length > runEnd)
        {
            var run = await allocator.AllocateAsync(runLength);
            var runLengthInBytes = (long)run.Count << geometry.ClusterBits;
            try
            {
                await grow();
                if (run.HostOffset != runEnd || runEnd == 0)
                    await SkipToAsync(run.HostOffset);
            }
            catch
            {
                release(run.HostOffset, run.Count);
                throw;
            }

            if (position == run.HostOffset && run.HostOffset != runEnd)
            {
                ReleaseUntouched();
                touchedEnd = run.HostOffset;
            }

            runEnd = run.HostOffset + runLengthInBytes;
        }
    }

    private void ReleaseUntouched()
    {
        if (runEnd > touchedEnd)
            release(touchedEnd, (runEnd - touchedEnd) >> geometry.ClusterBits);
    }

    // Goes on at a cluster's start; what the buffer holds is written, and a new one starts there.
    private async ValueTask SkipToAsync(long hostOffset)
    {
        await WriteTailAsync();
        filling?.Span.Clear();
        position = hostOffset;
        bufferStart = hostOffset;
        written = hostOffset;
    }

    // Starts writing the whole blocks of the buffer, and goes on in another one, with the block at the position.
    [AsyncMethodBuilder(typeof(PooledTaskBuilder))]
    private async ValueTask SendAsync()
    {
        await FinishPendingAsync();
        var next = RentCleared();
        var nextStart = Math.Max(bufferStart, position & -blockLength);
        filling!.Span[(int)(nextStart - bufferStart)..(int)(position - bufferStart)].CopyTo(next.Span);
        (writing, writingOffset) = (filling, written);
        writingPart = writing.Memory.Slice((int)(written - bufferStart), (int)(nextStart - written));
        (filling, bufferStart, written) = (next, nextStart, nextStart);
        StartWriting();
    }

    private void StartWriting()
    {
        mustWriteAgain = true;
#pragma warning disable CA2012 // Awaited once, in FinishPendingAsync or CloseAsync.
        file.Announce(FileSteps.WriteCompressed);
        pendingWrite = file.WriteAsync(writingOffset, writingPart);
#pragma warning restore CA2012
        mustWriteAgain = false;
    }

    [AsyncMethodBuilder(typeof(PooledTaskBuilder))]
    private async ValueTask FinishPendingAsync()
    {
        if (writing == null)
            return;
        if (mustWriteAgain)
            StartWriting();
        mustWriteAgain = true;
        await pendingWrite;
        mustWriteAgain = false;
        writing.Dispose();
        writing = null;
    }

    // The part of the buffer that is not in the file, up to the end of a block: the rest of that is ours, and zeroes.
    private async ValueTask WriteTailAsync()
    {
        await FinishPendingAsync();
        if (filling != null && position > written)
        {
            var end = Math.Min(position + blockLength - 1 & -blockLength, touchedEnd);
            file.Announce(FileSteps.WriteCompressed);
            await file.WriteAsync(written, filling.Memory.Slice((int)(written - bufferStart), (int)(end - written)));
            written = Math.Max(written, position & -blockLength);
        }

        IsUnsealed = false;
    }

    private IoBuffer RentCleared()
    {
        var buffer = file.Buffers.Rent(bufferLength);
        buffer.Span.Clear();
        return buffer;
    }
}
