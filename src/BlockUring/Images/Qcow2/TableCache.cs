using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using BlockUring.Native.Memory;
using BlockUring.Storage;

namespace BlockUring.Images.Qcow2;

/// <summary>
/// On-disk tables of one length (L2 tables or refcount blocks, or slices of such) by host offset: bounded, least recently used first out,
/// one read for all who wait for a table, and written back on request.
/// </summary>
/// <remarks>
/// One thread only. A hit costs no allocation and no await. Pinned and unwritten tables stay, so the bound can be exceeded by what is
/// pinned at one time.
/// </remarks>
internal sealed class TableCache : IDisposable
{
    private const int SlabLength = 65536;

    // Why: one write for adjacent tables; the buffer for it is small against the cache.
    private const int MaxWriteLength = 1 << 20;

    private readonly BlockFile file;
    private readonly Dictionary<long, CachedTable> tables = [];
    private readonly List<IoBuffer> slabs = [];
    private readonly Stack<CachedTable> free = new();
    private readonly List<long> writeOrder = [];
    private readonly RangeLock writeLock = new();
    private CachedTable? newest;
    private CachedTable? oldest;

    /// <summary>Makes an empty cache.</summary>
    /// <param name="file">Where the tables are; its pool gives the memory.</param>
    /// <param name="tableLength">Bytes of each, a power of two from 512 to 64 KiB.</param>
    /// <param name="maxBytes">The bound; two tables are kept at least.</param>
    public TableCache(BlockFile file, int tableLength, long maxBytes)
    {
        this.file = file;
        TableLength = tableLength;
        MaxCount = (int)Math.Max(2, maxBytes / tableLength);
    }

    /// <summary>Bytes of each table.</summary>
    public int TableLength { get; }

    /// <summary>Tables kept when nothing is pinned.</summary>
    public int MaxCount { get; }

    /// <summary>Tables held now.</summary>
    public int Count => tables.Count;

    /// <summary>Tables that somebody uses now.</summary>
    public int PinnedCount => tables.Values.Count(static table => table.PinCount > 0);

    /// <summary>How many tables wait to be written.</summary>
    public int DirtyCount { get; private set; }

    /// <summary>What is said when a table is read; see <see cref="FileSteps"/>.</summary>
    public string LoadStep { get; init; } = "";

    /// <summary>What is said when tables are written.</summary>
    public string[] UpdateSteps { get; init; } = [];

    /// <summary>
    /// Awaited before changed tables are written, after their bytes were taken: makes durable, or orders, what must be on disk first.
    /// </summary>
    public Func<ValueTask>? BeforeWriteBack { get; set; }

    /// <summary>Called with the range of each write right before it; what it throws keeps the write from being made.</summary>
    public Action<long, int>? BeforeWrite { get; set; }

    /// <summary>Looks for a table without waiting. It is not pinned: use it before the next await, or pin it.</summary>
    public bool TryGet(long hostOffset, [NotNullWhen(true)] out CachedTable? table)
    {
        if (!tables.TryGetValue(hostOffset, out table) || table.IsLoading)
        {
            table = null;
            return false;
        }

        Touch(table);
        return true;
    }

    /// <summary>Gets a table, reading it when it is not here. The caller unpins it.</summary>
    /// <param name="hostOffset">Where it is; a multiple of <see cref="TableLength"/>.</param>
    public ValueTask<CachedTable> GetAsync(long hostOffset)
    {
        if (!TryGet(hostOffset, out var table))
            return LoadAsync(hostOffset);
        table.Pin();
        return new(table);
    }

    /// <summary>Adds a table that is new on disk: zeroes, pinned and dirty, nothing is read.</summary>
    public async ValueTask<CachedTable> AddAsync(long hostOffset)
    {
        // Why: what was at that place before it was given back and taken again may still be here.
        CachedTable? table;
        do
            table = tables.TryGetValue(hostOffset, out var stale) ? await WaitAsync(stale) : await TakeAsync(hostOffset);
        while (table == null);
        table.Span.Clear();
        table.MarkDirty();
        return table;
    }

    /// <summary>Forgets a table whose clusters were given back, changes included.</summary>
    public void Drop(long hostOffset)
    {
        if (!tables.TryGetValue(hostOffset, out var table))
            return;
        Forget(table);
        if (table.PinCount == 0)
            free.Push(table);
    }

    /// <summary>Forgets all tables; none is pinned or waits to be written.</summary>
    public void Clear()
    {
        foreach (var hostOffset in tables.Keys.ToList())
            Drop(hostOffset);
    }

    /// <summary>Writes all tables that are dirty now, in the order of their offsets; does not flush the file.</summary>
    /// <exception cref="BlockException">A write failed; the tables concerned are still dirty.</exception>
    public async ValueTask WriteBackAsync()
    {
        var held = await writeLock.AcquireAsync(0, long.MaxValue);
        try
        {
            writeOrder.Clear();
            foreach (var (offset, table) in tables)
            {
                if (table.IsDirty)
                    writeOrder.Add(offset);
            }

            writeOrder.Sort();
            foreach (var offset in writeOrder)
            {
                if (tables.TryGetValue(offset, out var table) && table.IsDirty)
                    await WriteRunAsync(table);
            }
        }
        finally
        {
            writeLock.Release(held);
        }
    }

    /// <summary>Gives the memory back. Unwritten changes are lost.</summary>
    public void Dispose()
    {
        tables.Clear();
        DirtyCount = 0;
        free.Clear();
        (newest, oldest) = (null, null);
        foreach (var slab in slabs)
            slab.Dispose();
        slabs.Clear();
    }

    internal void MarkDirty(CachedTable table)
    {
        if (table.IsDirty)
            return;
        table.IsDirty = true;
        DirtyCount++;
    }

    internal void Released(CachedTable table)
    {
        if (!table.IsListed)
            free.Push(table);
    }

    [AsyncMethodBuilder(typeof(PooledTaskBuilder<>))]
    private async ValueTask<CachedTable> LoadAsync(long hostOffset)
    {
        while (true)
        {
            if (tables.TryGetValue(hostOffset, out var present))
                return await WaitAsync(present);
            if (await TakeAsync(hostOffset) is { } table)
                return await FillAsync(table);
        }
    }

    private static async ValueTask<CachedTable> WaitAsync(CachedTable table)
    {
        table.Pin();
        if (!table.IsLoading)
            return table;
        table.Arrival ??= new Arrival();
        try
        {
            await table.Arrival;
            return table;
        }
        catch
        {
            table.Unpin();
            throw;
        }
    }

    [AsyncMethodBuilder(typeof(PooledTaskBuilder<>))]
    private async ValueTask<CachedTable> FillAsync(CachedTable table)
    {
        table.IsLoading = true;
        try
        {
            file.Announce(LoadStep);
            await file.ReadAsync(table.HostOffset, table.Memory);
        }
        catch (Exception e)
        {
            Forget(table);
            EndLoading(table)?.Fail(e);
            table.Unpin();
            throw;
        }

        EndLoading(table)?.Succeed();
        return table;
    }

    private static Arrival? EndLoading(CachedTable table)
    {
        var arrival = table.Arrival;
        table.IsLoading = false;
        table.Arrival = null;
        return arrival;
    }

    // A pinned table entered under the offset, its bytes undefined; null when another caller entered one during the wait.
    [AsyncMethodBuilder(typeof(PooledTaskBuilder<>))]
    private async ValueTask<CachedTable?> TakeAsync(long hostOffset)
    {
        var table = TryTakeFree();
        while (table == null)
        {
            await WriteBackAsync();
            table = TryTakeFree() ?? TryNew() ?? throw NoMemory();
        }

        if (tables.ContainsKey(hostOffset))
        {
            free.Push(table);
            return null;
        }

        table.HostOffset = hostOffset;
        table.Pin();
        tables.Add(hostOffset, table);
        Link(table);
        return table;
    }

    // A new table while there is room, else the oldest that can go. Null when only dirty ones could go.
    private CachedTable? TryTakeFree()
    {
        if (tables.Count < MaxCount && TryNew() is { } added)
            return added;
        var sawDirty = false;
        for (var candidate = oldest; candidate != null; candidate = candidate.Newer)
        {
            if (candidate.PinCount > 0)
                continue;
            if (!candidate.IsDirty)
            {
                Forget(candidate);
                return candidate;
            }

            sawDirty = true;
        }

        return sawDirty ? null : TryNew() ?? throw NoMemory();
    }

    private CachedTable? TryNew()
    {
        if (free.TryPop(out var table))
            return table;
        IoBuffer slab;
        try
        {
            slab = file.Buffers.Rent(Math.Max(SlabLength, TableLength));
        }
        catch (InsufficientMemoryException)
        {
            return null;
        }

        slabs.Add(slab);
        for (var at = slab.Length - TableLength; at >= 0; at -= TableLength)
            free.Push(new CachedTable(this, slab.Memory.Slice(at, TableLength)));
        return free.Pop();
    }

    // Writes the dirty tables that follow each other on disk, from the first on.
    private async ValueTask WriteRunAsync(CachedTable first)
    {
        var start = first.HostOffset;
        var count = 1;
        while (count < MaxWriteLength / TableLength && tables.TryGetValue(start + ((long)count * TableLength), out var next) && next.IsDirty)
            count++;

        // Why: a copy is written, so that changes made meanwhile, whose own dependencies are not on disk yet, do not slip in.
        using var copy = file.Buffers.Rent(count * TableLength);
        var written = new CachedTable[count];
        for (var i = 0; i < count; i++)
        {
            var table = tables[start + ((long)i * TableLength)];
            table.Span.CopyTo(copy.Span[(i * TableLength)..]);
            Clean(table);
            table.Pin();
            written[i] = table;
        }

        try
        {
            if (BeforeWriteBack != null)
                await BeforeWriteBack();
            BeforeWrite?.Invoke(start, copy.Length);
            foreach (var step in UpdateSteps)
                file.Announce(step);
            await file.WriteAsync(start, copy.Memory);
        }
        catch
        {
            foreach (var table in written.Where(t => t.IsListed))
                MarkDirty(table);
            throw;
        }
        finally
        {
            foreach (var table in written)
                table.Unpin();
        }
    }

    private void Clean(CachedTable table)
    {
        if (!table.IsDirty)
            return;
        table.IsDirty = false;
        DirtyCount--;
    }

    private void Forget(CachedTable table)
    {
        if (!table.IsListed)
            return;
        tables.Remove(table.HostOffset);
        Clean(table);
        Unlink(table);
        table.HostOffset = -1;
    }

    private void Touch(CachedTable table)
    {
        if (table == newest)
            return;
        Unlink(table);
        Link(table);
    }

    private void Link(CachedTable table)
    {
        table.IsListed = true;
        table.Older = newest;
        table.Newer = null;
        if (newest != null)
            newest.Newer = table;
        newest = table;
        oldest ??= table;
    }

    private void Unlink(CachedTable table)
    {
        if (table.Newer != null)
            table.Newer.Older = table.Older;
        else
            newest = table.Older;
        if (table.Older != null)
            table.Older.Newer = table.Newer;
        else
            oldest = table.Newer;
        (table.Newer, table.Older) = (null, null);
        table.IsListed = false;
    }

    private BlockException NoMemory() =>
        new(BlockErrorKind.Limit, $"No memory is left to cache tables of '{file.Path}'") { Path = file.Path };
}
