using System.Buffers.Binary;
using System.Runtime.InteropServices;
using BlockUring.Native.Memory;
using BlockUring.Storage;

namespace BlockUring.Images.Qcow2;

/// <summary>
/// Shows a visitor all L2 tables of L1 tables, read ahead from the file.
/// </summary>
/// <remarks>
/// Tables of a sound image neither overlap nor come twice in one L1 table, so reading takes no longer than the file is long; those of a
/// hostile one may be a few MiB that millions of entries refer to. What keeps that bounded: tables in a hole or beyond the end of the
/// file are known to be empty; a table that comes again is not read again once <see cref="FreeRepeatBytes"/> are used up (its tally is
/// remembered, and <see cref="ReplayAsync"/> makes up for it); tables that overlap by more than <see cref="SlackBytes"/> end the walk
/// with an error.
/// </remarks>
internal sealed class L2TableWalk : IAsyncDisposable
{
    /// <summary>How many bytes of tables that have been visited before are read again.</summary>
    public const long FreeRepeatBytes = 64 << 20;

    /// <summary>How much more than the file holds its tables may be.</summary>
    public const long SlackBytes = 256 << 20;

    /// <summary>Tables that are remembered, at 64 bytes or so each.</summary>
    private const int MaxKnownTables = 65536;

    private const int ChunkLength = 64 << 10;

    // Why: below this length of a table, asking the host about holes costs more than reading.
    private const int MinLengthForHoles = 16 << 10;

    private readonly BlockFile file;
    private readonly int tableLength;
    private readonly TableReadAhead reader;
    private readonly Dictionary<long, KnownTable> known = [];
    private readonly List<Stop> stops = [];
    private readonly List<long> reads = [];
    private long freeRepeatBytes = FreeRepeatBytes;
    private long l1Bytes;
    private long knownBytes;
    private long otherBytes;
    private int l1Tables;

    public L2TableWalk(BlockFile file, int tableLength)
    {
        this.file = file;
        this.tableLength = tableLength;
        reader = new TableReadAhead(file, tableLength);
    }

    private enum Way
    {
        Read,
        Empty,
        Revisit,
    }

    /// <summary>Walks one L1 table.</summary>
    /// <param name="l1Offset">Host offset, 0 or more.</param>
    /// <param name="l1Count">Entries.</param>
    /// <param name="visitor">Sees them.</param>
    /// <exception cref="BlockException">A table cannot be read, or the tables overlap too much.</exception>
    public async ValueTask RunAsync(long l1Offset, long l1Count, IL2TableVisitor visitor)
    {
        l1Tables++;
        using var buffer = file.Buffers.Rent(ChunkLength);
        var end = Math.Min(l1Offset + (l1Count * L1Table.EntryLength), file.Length);
        for (var at = l1Offset; at < end;)
        {
            var extent = await file.GetExtentAsync(at, end - at);
            if (extent.IsHole)
            {
                // Rounded down, so that an entry across the edge is read.
                var skipped = extent.Length & -L1Table.EntryLength;
                at += skipped;
                if (skipped > 0)
                    continue;
            }

            var length = (int)Math.Min(ChunkLength, (end - at + L1Table.EntryLength - 1) & -L1Table.EntryLength);
            await ReadL1Async(at, buffer.Memory.Slice(0, length), visitor);
            await PlanAsync(buffer.Memory.Slice(0, length), (at - l1Offset) / L1Table.EntryLength, visitor);
            await VisitAsync(visitor);
            at += length;
        }
    }

    /// <summary>Reads the tables that were revisited without being read, once each.</summary>
    /// <param name="replay">Receives the table and how often it was revisited.</param>
    public async ValueTask ReplayAsync(Action<IoMemory, long> replay)
    {
        var tables = known.Where(t => t.Value.RevisitCount > 0).Select(t => (t.Key, t.Value.RevisitCount)).ToList();
        await reader.BeginAsync(tables.ConvertAll(t => t.Key));
        foreach (var (_, count) in tables)
            replay(await reader.NextAsync(), count);
    }

    public ValueTask DisposeAsync() => reader.DisposeAsync();

    private async ValueTask ReadL1Async(long offset, IoMemory chunk, IL2TableVisitor visitor)
    {
        l1Bytes += chunk.Length;
        DemandRoom(l1Bytes, 1, "L1");
        try
        {
            await file.ReadAsync(offset, chunk);
        }
        catch (BlockException e)
        {
            visitor.ReadFailed(true, e);
            throw;
        }
    }

    private async ValueTask PlanAsync(IoMemory chunk, long firstIndex, IL2TableVisitor visitor)
    {
        stops.Clear();
        FindEntries(chunk.Span, firstIndex, visitor);
        reads.Clear();
        for (var i = 0; i < stops.Count; i++)
        {
            var way = await WayAsync((long)(stops[i].Entry & L1Table.OffsetMask));
            stops[i] = stops[i] with { Way = way };
            if (way == Way.Read)
                reads.Add((long)(stops[i].Entry & L1Table.OffsetMask));
        }
    }

    private void FindEntries(ReadOnlySpan<byte> chunk, long firstIndex, IL2TableVisitor visitor)
    {
        var words = MemoryMarshal.Cast<byte, ulong>(chunk);
        for (var i = 0; i < words.Length; i++)
        {
            if (words[i] == 0)
                continue;
            var entry = BitConverter.IsLittleEndian ? BinaryPrimitives.ReverseEndianness(words[i]) : words[i];
            if (visitor.Wants(entry))
                stops.Add(new(firstIndex + i, entry, Way.Read));
        }
    }

    private async ValueTask<Way> WayAsync(long offset)
    {
        if (offset >= file.Length)
            return Way.Empty;
        if (known.ContainsKey(offset))
        {
            freeRepeatBytes -= tableLength;
            return freeRepeatBytes >= 0 ? Way.Read : Way.Revisit;
        }

        if (tableLength >= MinLengthForHoles)
        {
            var extent = await file.GetExtentAsync(offset, tableLength);
            if (extent.IsHole && (extent.Length >= tableLength || offset + extent.Length >= file.Length))
                return Way.Empty;
        }

        if (known.Count < MaxKnownTables)
        {
            known.Add(offset, default);
            knownBytes += tableLength;
            DemandRoom(knownBytes, 1, "L2");
        }
        else
        {
            otherBytes += tableLength;
            DemandRoom(otherBytes, l1Tables, "L2");
        }

        return Way.Read;
    }

    private void DemandRoom(long tableBytes, int times, string what)
    {
        if (tableBytes / times > file.Length + SlackBytes)
            throw new BlockException(BlockErrorKind.Corrupt, $"The {what} tables overlap: together they are longer than the image file");
    }

    private async ValueTask VisitAsync(IL2TableVisitor visitor)
    {
        await reader.BeginAsync(reads);
        foreach (var stop in stops)
        {
            var offset = (long)(stop.Entry & L1Table.OffsetMask);
            var isWanted = await visitor.EnterAsync(stop.Index, stop.Entry);
            if (stop.Way == Way.Read)
                await VisitTableAsync(visitor, offset, isWanted);
            else if (stop.Way == Way.Revisit && isWanted)
                Revisit(visitor, offset);
        }
    }

    private async ValueTask VisitTableAsync(IL2TableVisitor visitor, long offset, bool isWanted)
    {
        IoMemory table;
        try
        {
            table = await reader.NextAsync();
        }
        catch (BlockException e)
        {
            if (!isWanted)
                return;
            visitor.ReadFailed(false, e);
            throw;
        }

        if (!isWanted)
            return;
        var tally = await visitor.VisitAsync(table);
        if (known.TryGetValue(offset, out var entry))
            known[offset] = entry with { Tally = tally };
    }

    private void Revisit(IL2TableVisitor visitor, long offset)
    {
        var entry = known[offset];
        known[offset] = entry with { RevisitCount = entry.RevisitCount + 1 };
        visitor.Revisit(entry.Tally);
    }

    private readonly record struct Stop(long Index, ulong Entry, Way Way);

    private readonly record struct KnownTable(TableTally Tally, long RevisitCount);
}
