using BlockUring.Native.Memory;
using BlockUring.Storage;

namespace BlockUring.Images.Qcow2;

/// <summary>
/// Puts compressed clusters one after the other, byte by byte, into runs of host clusters, and writes them in large aligned requests. What
/// was appended is in the file after <see cref="SealAsync"/>.
/// </summary>
/// <remarks>One thread only. A host cluster's refcount is the number of compressed clusters that touch it.</remarks>
internal sealed class CompressedAppender : IDisposable
{
    private const int BufferLength = 1 << 20;
    private const int BlockLength = 4096;

    private readonly BlockFile file;
    private readonly Qcow2Geometry geometry;
    private readonly ClusterAllocator allocator;
    private readonly Func<ValueTask> grow;
    private readonly RangeLock turn = new();
    private readonly int runLength;
    private IoBuffer? filling;
    private IoBuffer? writing;
    private ValueTask pendingWrite;

    // The buffer stands for [bufferStart, bufferStart + BufferLength) of the file; what lies before `written` is there already.
    private long bufferStart;
    private long written;
    private long position;
    private long runEnd;
    private long touchedEnd;

    public CompressedAppender(BlockFile file, Qcow2Geometry geometry, ClusterAllocator allocator, Func<ValueTask> grow)
    {
        this.file = file;
        this.geometry = geometry;
        this.allocator = allocator;
        this.grow = grow;
        runLength = Math.Max(1, BufferLength / geometry.ClusterLength);
    }

    /// <summary>Whether something appended is not in the file yet.</summary>
    public bool IsUnsealed { get; private set; }

    /// <summary>Appends bytes; returns their host offset.</summary>
    /// <param name="compressed">Fewer bytes than a cluster.</param>
    public async ValueTask<long> AppendAsync(IoMemory compressed)
    {
        var held = await turn.AcquireAsync(0, 1);
        try
        {
            var place = await PlaceAsync(compressed.Length);
            IsUnsealed = true;
            await CopyAsync(place, compressed);
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
            IsUnsealed = false;
        }
        finally
        {
            turn.Release(held);
        }
    }

    /// <summary>Writes everything and gives clusters back that nothing was put into.</summary>
    public async ValueTask FinishAsync()
    {
        await SealAsync();
        var untouched = (runEnd - touchedEnd) >> geometry.ClusterBits;
        if (untouched > 0)
            await allocator.FreeAsync(touchedEnd, untouched);
        (position, runEnd, touchedEnd, written, bufferStart) = (0, 0, 0, 0, 0);
        filling?.Dispose();
        filling = null;
    }

    public void Dispose()
    {
        filling?.Dispose();
        writing?.Dispose();
        (filling, writing) = (null, null);
    }

    // Takes room at the position, or at the next cluster where the one at the position has as many references as it can have.
    private async ValueTask<long> PlaceAsync(int length)
    {
        while (true)
        {
            if (position + length > runEnd)
                await ExtendAsync(length);
            var cluster = position & -(long)geometry.ClusterLength;
            if (cluster < touchedEnd && !await allocator.TryAddReferenceAsync(cluster))
            {
                await SkipToAsync(touchedEnd);
                continue;
            }

            var place = position;
            position += length;
            touchedEnd = geometry.RoundUpToCluster(position);
            return place;
        }
    }

    // More clusters: in a row with those at hand where possible, else a new run, and the rest of the old one goes back.
    private async ValueTask ExtendAsync(int length)
    {
        while (position + length > runEnd)
        {
            var run = await allocator.AllocateAsync(runLength);
            await grow();
            if (run.HostOffset != runEnd || runEnd == 0)
            {
                if (runEnd > touchedEnd)
                    await allocator.FreeAsync(touchedEnd, (runEnd - touchedEnd) >> geometry.ClusterBits);
                await SkipToAsync(run.HostOffset);
                touchedEnd = run.HostOffset;
            }

            runEnd = run.HostOffset + ((long)run.Count << geometry.ClusterBits);
        }
    }

    // Goes on at a cluster's start; what the buffer holds is written, and it starts anew there.
    private async ValueTask SkipToAsync(long hostOffset)
    {
        if (position > written)
            await WriteTailAsync();
        position = hostOffset;
        if (filling != null && hostOffset >= bufferStart && hostOffset < bufferStart + BufferLength)
        {
            written = Math.Max(written, hostOffset & -BlockLength);
            return;
        }

        bufferStart = hostOffset;
        written = hostOffset;
        filling?.Span.Clear();
    }

    private async ValueTask CopyAsync(long place, IoMemory source)
    {
        while (source.Length > 0)
        {
            if (filling == null)
            {
                filling = file.Buffers.Rent(BufferLength);
                filling.Span.Clear();
            }

            var within = (int)(place - bufferStart);
            var part = Math.Min(source.Length, BufferLength - within);
            source.Span[..part].CopyTo(filling.Span[within..]);
            place += part;
            source = source.Slice(part);
            if (within + part == BufferLength)
                await SendAsync();
        }
    }

    // Starts writing the full buffer and goes on in the other one.
    private async ValueTask SendAsync()
    {
        await FinishPendingAsync();
        writing = filling;
        filling = null;
        var from = (int)(written - bufferStart);
#pragma warning disable CA2012 // Awaited once, in FinishPendingAsync.
        pendingWrite = file.WriteAsync(written, writing!.Memory.Slice(from, BufferLength - from));
#pragma warning restore CA2012
        bufferStart += BufferLength;
        written = bufferStart;
    }

    private async ValueTask FinishPendingAsync()
    {
        if (writing == null)
            return;
        try
        {
            await pendingWrite;
        }
        finally
        {
            writing.Dispose();
            writing = null;
        }
    }

    // The part of the buffer that is not in the file, up to the end of a block: the rest of it is ours, and zeroes.
    private async ValueTask WriteTailAsync()
    {
        await FinishPendingAsync();
        var end = Math.Min(position + BlockLength - 1 & -BlockLength, Math.Min(runEnd, bufferStart + BufferLength));
        if (filling == null || position <= written)
            return;
        await file.WriteAsync(written, filling.Memory.Slice((int)(written - bufferStart), (int)(end - written)));
        written = Math.Max(written, position & -BlockLength);
    }
}
