using BlockUring.Native.Memory;
using BlockUring.Storage;

namespace BlockUring.Images.Qcow2;

/// <summary>
/// Reads tables of one cluster each in a given order, several requests in flight; tables that follow each other in the file are read by
/// one request.
/// </summary>
internal sealed class TableReadAhead : IAsyncDisposable
{
    // Why: enough for a device to be busy, and little beside the rest of a check's memory.
    private const int BytesInFlight = 8 << 20;
    private const int MaxRequestLength = 512 << 10;

    private readonly BlockFile file;
    private readonly int tableLength;
    private readonly int tablesPerRequest;
    private readonly Request[] ring;
    private IReadOnlyList<long> offsets = [];
    private int nextToStart;
    private int started;
    private int finished;
    private int tableIndex;

    public TableReadAhead(BlockFile file, int tableLength)
    {
        this.file = file;
        this.tableLength = tableLength;
        tablesPerRequest = Math.Max(1, MaxRequestLength / tableLength);
        ring = new Request[Math.Clamp(BytesInFlight / (tablesPerRequest * tableLength), 4, 32)];
    }

    /// <summary>Starts with a list of host offsets, which must not change while it is read.</summary>
    public async ValueTask BeginAsync(IReadOnlyList<long> tableOffsets)
    {
        await StopAsync();
        offsets = tableOffsets;
        nextToStart = 0;
        Fill();
    }

    /// <summary>The next table of the list; valid until the next call.</summary>
    /// <exception cref="BlockException">It cannot be read; the ones after it may be.</exception>
    public async ValueTask<IoMemory> NextAsync()
    {
        ref var current = ref ring[finished % ring.Length];
        if (tableIndex > 0 && tableIndex == current.TableCount)
        {
            Release(ref current);
            Fill();
        }

        var index = finished % ring.Length;
        var at = tableIndex++ * tableLength;
        if (!ring[index].IsRead)
            await ArriveAsync(index);
        return ring[index].Buffer!.Memory.Slice(at, tableLength);
    }

    /// <summary>Waits for what is in flight; what cannot be read no longer matters.</summary>
    public ValueTask DisposeAsync() => StopAsync();

    private async ValueTask StopAsync()
    {
        while (finished < started)
        {
            var index = finished % ring.Length;
            try
            {
                if (!ring[index].IsRead)
                    await ArriveAsync(index);
            }
            catch (BlockException)
            {
                // The first failure has been reported, and ended the reading.
            }

            Release(ref ring[index]);
        }
    }

    private async ValueTask ArriveAsync(int index)
    {
        if (ring[index].Failure is { } before)
            throw before;
        var pending = ring[index].Pending;
        ring[index].Pending = default;
        try
        {
            await pending;
            ring[index].IsRead = true;
        }
        catch (BlockException e)
        {
            ring[index].Failure = e;
            throw;
        }
    }

    private void Release(ref Request request)
    {
        request.Buffer?.Dispose();
        request = default;
        finished++;
        tableIndex = 0;
    }

    private void Fill()
    {
        while (started - finished < ring.Length && nextToStart < offsets.Count)
        {
            var offset = offsets[nextToStart];
            var count = 1;
            while (count < tablesPerRequest && nextToStart + count < offsets.Count
                && offsets[nextToStart + count] == offset + ((long)count * tableLength))
            {
                count++;
            }

            var buffer = file.Buffers.Rent(count * tableLength);
            ring[started++ % ring.Length] = new Request(buffer, count, file.ReadAsync(offset, buffer.Memory));
            nextToStart += count;
        }
    }

    private struct Request(IoBuffer buffer, int tableCount, ValueTask pending)
    {
        public readonly IoBuffer? Buffer = buffer;
        public readonly int TableCount = tableCount;
        public ValueTask Pending = pending;
        public bool IsRead;
        public BlockException? Failure;
    }
}
