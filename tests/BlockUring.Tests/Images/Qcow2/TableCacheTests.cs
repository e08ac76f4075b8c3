using System.Buffers.Binary;
using BlockUring.Images.Qcow2;
using BlockUring.Native.Memory;
using BlockUring.Storage;
using CsCheck;
using Xunit;

namespace BlockUring.Tests.Images.Qcow2;

public sealed class TableCacheTests : IDisposable
{
    private const int TableLength = 4096;

    private readonly BufferPool buffers = new();
    private readonly MemoryFile memory;
    private readonly GatedFile file;

    public TableCacheTests()
    {
        memory = new MemoryFile(buffers, "tables", 1 << 20);
        file = new GatedFile(memory);
        var number = new byte[8];
        for (long offset = 0; offset < memory.Length; offset += TableLength)
        {
            BinaryPrimitives.WriteInt64BigEndian(number, offset + 1);
            memory.Write(offset, number);
        }
    }

    public void Dispose() => buffers.Dispose();

    [Fact]
    public async Task Callers_that_wait_for_one_table_share_one_read()
    {
        using var cache = new TableCache(file, TableLength, 1 << 20);
        file.IsClosed = true;
        var first = cache.GetAsync(8192).AsTask();
        var others = Enumerable.Range(0, 5).Select(_ => cache.GetAsync(8192).AsTask()).ToList();
        Assert.False(cache.TryGet(8192, out _));
        Assert.All(others, t => Assert.False(t.IsCompleted));
        file.Release();
        var table = await first;
        foreach (var other in others)
            Assert.Same(table, await other);
        Assert.Single(file.Reads);
        Assert.Equal(8193, Value(table));
        for (var i = 0; i < 6; i++)
            table.Unpin();
        Assert.True(cache.TryGet(8192, out _));
        Assert.Throws<InvalidOperationException>(table.Unpin);
    }

    [Fact]
    public async Task A_failed_read_fails_all_who_wait_and_is_tried_again()
    {
        using var cache = new TableCache(file, TableLength, 1 << 20);
        (file.IsClosed, file.Fails) = (true, true);
        var tasks = Enumerable.Range(0, 3).Select(_ => cache.GetAsync(4096).AsTask()).ToList();
        file.Release();
        foreach (var task in tasks)
            await Assert.ThrowsAsync<BlockException>(() => task);
        Assert.Equal(0, cache.Count);
        (file.IsClosed, file.Fails) = (false, false);
        Assert.Equal(4097, Value(await cache.GetAsync(4096)));
    }

    [Fact]
    public async Task The_least_recently_used_table_goes_first_and_a_pinned_one_stays()
    {
        using var cache = new TableCache(file, TableLength, 3 * TableLength);
        var pinned = await cache.GetAsync(0);
        (await cache.GetAsync(4096)).Unpin();
        (await cache.GetAsync(8192)).Unpin();
        Assert.True(cache.TryGet(4096, out _));
        (await cache.GetAsync(12288)).Unpin();
        Assert.True(cache.TryGet(0, out var same) && same == pinned);
        Assert.True(cache.TryGet(4096, out _));
        Assert.False(cache.TryGet(8192, out _));
        Assert.Equal(3, cache.Count);
    }

    [Fact]
    public async Task Pins_beyond_the_bound_are_served_and_the_excess_goes_later()
    {
        using var cache = new TableCache(file, TableLength, 2 * TableLength);
        var tables = new List<CachedTable>();
        for (long i = 0; i < 40; i++)
            tables.Add(await cache.GetAsync(i * TableLength));
        for (var i = 0; i < 40; i++)
            Assert.Equal((i * TableLength) + 1, Value(tables[i]));
        tables.ForEach(t => t.Unpin());
        for (long i = 40; i < 200; i++)
            (await cache.GetAsync(i * TableLength)).Unpin();
        Assert.InRange(buffers.RentedBytes, 0, 4 << 16);
    }

    [Fact]
    public async Task Dirty_tables_are_written_in_order_and_neighbours_in_one_write()
    {
        using var cache = new TableCache(file, TableLength, 1 << 20);
        foreach (var offset in new long[] { 40960, 8192, 4096, 12288 })
            await ChangeAsync(cache, offset, offset + 7);
        (await cache.GetAsync(0)).Unpin();
        Assert.Equal(4, cache.DirtyCount);
        await cache.WriteBackAsync();
        Assert.Equal([(4096L, 3 * TableLength), (40960L, TableLength)], file.Writes);
        Assert.Equal(0, cache.DirtyCount);
        Assert.Equal(8192 + 7, OnDisk(8192));
        await cache.WriteBackAsync();
        Assert.Equal(2, file.Writes.Count);
    }

    [Fact]
    public async Task What_must_come_first_is_awaited_before_each_write_and_later_changes_wait_for_the_next()
    {
        using var cache = new TableCache(file, TableLength, 1 << 20);
        await ChangeAsync(cache, 4096, 1);
        cache.BeforeWriteBack = async () =>
        {
            Assert.Empty(file.Writes);
            await ChangeAsync(cache, 4096, 2);
        };
        await cache.WriteBackAsync();
        Assert.Equal(1, OnDisk(4096));
        Assert.Equal(1, cache.DirtyCount);
        cache.BeforeWriteBack = null;
        await cache.WriteBackAsync();
        Assert.Equal(2, OnDisk(4096));
    }

    [Fact]
    public async Task A_failed_write_leaves_the_table_dirty()
    {
        using var cache = new TableCache(file, TableLength, 1 << 20);
        await ChangeAsync(cache, 4096, 5);
        file.Fails = true;
        await Assert.ThrowsAsync<BlockException>(async () => await cache.WriteBackAsync());
        Assert.Equal(1, cache.DirtyCount);
        file.Fails = false;
        await cache.WriteBackAsync();
        Assert.Equal(5, OnDisk(4096));
    }

    [Fact]
    public async Task A_table_being_written_is_not_read_anew_from_the_old_bytes()
    {
        using var cache = new TableCache(file, TableLength, 2 * TableLength);
        await ChangeAsync(cache, 4096, 77);
        file.IsClosed = true;
        var writing = cache.WriteBackAsync().AsTask();
        file.IsClosed = false;
        for (long i = 10; i < 60; i++)
            (await cache.GetAsync(i * TableLength)).Unpin();
        var table = await cache.GetAsync(4096);
        Assert.Equal(77, Value(table));
        table.Unpin();
        file.Release();
        await writing;
    }

    [Fact]
    public async Task A_new_table_is_zeroes_and_a_dropped_one_is_forgotten_with_its_changes()
    {
        using var cache = new TableCache(file, TableLength, 1 << 20);
        var added = await cache.AddAsync(20480);
        Assert.Equal(-1, added.Span.IndexOfAnyExcept((byte)0));
        Assert.Empty(file.Reads);
        added.Span.Fill(7);
        added.Unpin();

        // What was at the place before it was given back and taken again is not seen any more.
        var again = await cache.AddAsync(20480);
        Assert.Equal(-1, again.Span.IndexOfAnyExcept((byte)0));
        again.Unpin();
        cache.Drop(20480);
        Assert.Equal((0, 0), (cache.Count, cache.DirtyCount));
        await cache.WriteBackAsync();
        Assert.Equal(20481, OnDisk(20480));
    }

    [Fact]
    public void All_who_wait_for_one_table_go_on_where_it_arrives()
    {
        // Without a context that would bring continuations back: as on an I/O thread.
        var context = SynchronizationContext.Current;
        SynchronizationContext.SetSynchronizationContext(null);
        try
        {
            using var cache = new TableCache(file, TableLength, 1 << 20);
            file.IsClosed = true;
            var waiting = Enumerable.Range(0, 5).Select(_ => UseAsync(cache)).ToList();
            file.Release();
            Assert.All(waiting, task => Assert.True(task.IsCompletedSuccessfully));
            Assert.Single(file.Reads);
            Assert.Equal(0, cache.PinnedCount);
        }
        finally
        {
            SynchronizationContext.SetSynchronizationContext(context);
        }

        static async Task UseAsync(TableCache cache) => (await cache.GetAsync(8192)).Unpin();
    }

    [Fact]
    public void Any_order_of_use_gives_what_was_written_last()
    {
        Gen.Select(Gen.Int[0, 40], Gen.Int[0, 9]).Array[1, 300].Sample(
            steps =>
            {
                using var pool = new BufferPool();
                var store = new MemoryFile(pool, "store", 1 << 20);
                using var cache = new TableCache(store, TableLength, 4 * TableLength);
                var model = new long[41];
                for (var i = 0; i < steps.Length; i++)
                {
                    var (index, action) = steps[i];
                    var table = Qcow2TestImage.Run(cache.GetAsync(index * TableLength));
                    Assert.Equal(model[index], Value(table));
                    if (action < 5)
                        Set(table, model[index] = i + 1);
                    table.Unpin();
                    if (action == 9)
                        Qcow2TestImage.Run(cache.WriteBackAsync());
                }
            },
            iter: 300,
            seed: "0000KOIPe036");
    }

    private static async Task ChangeAsync(TableCache cache, long offset, long value)
    {
        var table = await cache.GetAsync(offset);
        Set(table, value);
        table.Unpin();
    }

    private static void Set(CachedTable table, long value)
    {
        BinaryPrimitives.WriteInt64BigEndian(table.Span, value);
        table.MarkDirty();
    }

    private static long Value(CachedTable table) => BinaryPrimitives.ReadInt64BigEndian(table.Span);

    private long OnDisk(long offset)
    {
        var bytes = new byte[8];
        memory.Read(offset, bytes);
        return BinaryPrimitives.ReadInt64BigEndian(bytes);
    }
}
