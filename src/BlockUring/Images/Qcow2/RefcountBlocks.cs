using System.Buffers.Binary;
using BlockUring.Native.Interop;
using BlockUring.Storage;

namespace BlockUring.Images.Qcow2;

/// <summary>
/// The refcounts as the image has them, for a check: trusts nothing, changes nothing (specification: "Host cluster management").
/// </summary>
internal sealed class RefcountBlocks : IDisposable
{
    private const int EntryLength = 8;
    private const long SectorLength = 512;
    private const ulong ReservedMask = 0x1ff;
    private const int ReadLength = 256 << 10;
    private const int ChunkCount = 4096;

    // Why: single counts are looked up for odd places only, so what is around them is not read.
    private const int MaxSliceLength = 4096;
    private const long CacheBytes = 4 << 20;

    private readonly BlockFile file;
    private readonly Qcow2Geometry geometry;
    private readonly CheckFindings findings;
    private readonly ulong[] entries;
    private readonly Dictionary<long, int> unreadable = [];
    private readonly TableCache slices;
    private bool hasSignaled;

    private RefcountBlocks(BlockFile file, Qcow2Geometry geometry, CheckFindings findings, ulong[] entries)
    {
        this.file = file;
        this.geometry = geometry;
        this.findings = findings;
        this.entries = entries;
        slices = new TableCache(file, Math.Min(geometry.ClusterLength, MaxSliceLength), CacheBytes)
        {
            LoadStep = FileSteps.RefBlockLoad,
            UpdateSteps = [FileSteps.RefBlockUpdatePart, FileSteps.RefBlockUpdate],
        };
    }

    /// <summary>Receives the counts of a run of clusters.</summary>
    /// <param name="first">The first cluster.</param>
    /// <param name="end">The cluster after the last.</param>
    /// <param name="counts">The block that holds them, at <paramref name="index"/>; empty where there is none: the counts are 0.</param>
    /// <param name="index">Of the first cluster in the block.</param>
    /// <param name="errno">Why the block cannot be used, 0 when it can.</param>
    public delegate void Handler(long first, long end, ReadOnlySpan<byte> counts, int index, int errno);

    /// <summary>Entries of the refcount table.</summary>
    public int Count => entries.Length;

    /// <summary>Reads the table.</summary>
    public static async ValueTask<RefcountBlocks> ReadAsync(BlockFile file, Qcow2Header header, CheckFindings findings)
    {
        var length = checked((int)((long)header.RefcountTableClusters << header.ClusterBits));
        var entries = new ulong[length / EntryLength];
        var present = (int)Math.Clamp(file.Length - header.RefcountTableOffset, 0, length);
        using var buffer = file.Buffers.Rent(Math.Clamp((present + EntryLength - 1) & -EntryLength, EntryLength, ReadLength));
        for (var done = 0; done < present;)
        {
            var part = Math.Min(buffer.Length, (present - done + EntryLength - 1) & -EntryLength);
            await file.ReadAsync(header.RefcountTableOffset + done, buffer.Memory.Slice(0, part));
            for (var i = 0; i < part; i += EntryLength)
                entries[(done + i) / EntryLength] = BinaryPrimitives.ReadUInt64BigEndian(buffer.Span[i..]);
            done += part;
        }

        return new(file, header.Geometry, findings, entries);
    }

    /// <summary>Host offset of a block, as the table has it; 0 for none.</summary>
    public ulong Offset(long block) => entries[block] & ~ReservedMask;

    /// <summary>Whether the table's entry has bits set that must be 0.</summary>
    public bool HasReservedBits(long block) => (entries[block] & ReservedMask) != 0;

    /// <summary>Shows all counts of a range in order.</summary>
    /// <param name="first">The first cluster.</param>
    /// <param name="end">The cluster after the last.</param>
    /// <param name="handler">Receives them in runs, a block each at most where there is one.</param>
    /// <param name="reportsFailures">Whether a block that cannot be read, and could be so far, is a finding; otherwise that is the handler's to say.</param>
    public async ValueTask ForEachAsync(long first, long end, Handler handler, bool reportsFailures = false)
    {
        await using var reader = new TableReadAhead(file, geometry.ClusterLength);
        var offsets = new List<long>();
        var endOfTable = Math.Min(end, (long)entries.Length << geometry.RefcountBlockBits);
        while (first < endOfTable)
        {
            var chunkEnd = Math.Min(endOfTable, ((first >> geometry.RefcountBlockBits) + ChunkCount) << geometry.RefcountBlockBits);
            offsets.Clear();
            for (var block = first >> geometry.RefcountBlockBits; block << geometry.RefcountBlockBits < chunkEnd; block++)
            {
                if (Offset(block) != 0 && Failure(block) == 0)
                    offsets.Add((long)Offset(block));
            }

            await reader.BeginAsync(offsets);
            while (first < chunkEnd)
                first = await ShowBlockAsync(reader, first, chunkEnd, handler, reportsFailures);
        }

        if (first < end)
            handler(first, end, default, 0, 0);
    }

    /// <summary>The refcount of one cluster.</summary>
    /// <returns>Null when its block cannot be read.</returns>
    public ValueTask<ulong?> GetAsync(long cluster)
    {
        var block = cluster >> geometry.RefcountBlockBits;
        if (block >= entries.Length || Offset(block) == 0)
            return new(0ul);
        if (Failure(block) != 0)
        {
            Signal(block);
            return new((ulong?)null);
        }

        var place = ByteInBlock(cluster);
        var sliceOffset = (long)Offset(block) + (place & -slices.TableLength);
        var index = (int)(cluster & (((long)slices.TableLength << 3 >> geometry.RefcountOrder) - 1));
        return slices.TryGet(sliceOffset, out var slice)
            ? new(RefcountEntries.Get(slice.Span, geometry.RefcountOrder, index))
            : LoadAsync(block, sliceOffset, index);
    }

    /// <summary>Changes counts in the file.</summary>
    /// <param name="counts">Of clusters whose blocks can be read, in ascending order.</param>
    public async ValueTask SetAsync(IReadOnlyList<(long Cluster, ulong Count)> counts)
    {
        for (var first = 0; first < counts.Count;)
        {
            var block = counts[first].Cluster >> geometry.RefcountBlockBits;
            var stop = first + 1;
            while (stop < counts.Count && counts[stop].Cluster >> geometry.RefcountBlockBits == block)
                stop++;
            await SetAsync((long)Offset(block), counts, first, stop);
            first = stop;
        }
    }

    /// <summary>Whether a cluster's block is known to be of no use.</summary>
    public bool IsUnreadable(long cluster)
    {
        var block = cluster >> geometry.RefcountBlockBits;
        return block < entries.Length && Failure(block) != 0;
    }

    public void Dispose() => slices.Dispose();

    /// <summary>Says once that there is a block at an impossible place.</summary>
    public void Signal(long block)
    {
        if (hasSignaled || geometry.OffsetInCluster((long)Offset(block)) == 0)
            return;
        hasSignaled = true;
        var index = block == 0 ? "0" : $"0x{block:x}";
        findings.Report($"qcow2: Image is corrupt: Refblock offset 0x{Offset(block):x} unaligned (reftable index: {index}); further non-fatal corruption events will be suppressed");
    }

    private async ValueTask SetAsync(long blockOffset, IReadOnlyList<(long Cluster, ulong Count)> counts, int first, int stop)
    {
        var start = ByteInBlock(counts[first].Cluster) & -SectorLength;
        var end = (ByteInBlock(counts[stop - 1].Cluster) & -SectorLength) + SectorLength;
        using var buffer = file.Buffers.Rent((int)(end - start));
        await file.ReadAsync(blockOffset + start, buffer.Memory);
        for (var i = first; i < stop; i++)
        {
            var index = (counts[i].Cluster & ((1L << geometry.RefcountBlockBits) - 1)) - (start << 3 >> geometry.RefcountOrder);
            RefcountEntries.Set(buffer.Span, geometry.RefcountOrder, (int)index, counts[i].Count);
        }

        file.Announce(FileSteps.RefBlockUpdatePart);
        await file.WriteAsync(blockOffset + start, buffer.Memory);
    }

    private long ByteInBlock(long cluster) => (cluster & ((1L << geometry.RefcountBlockBits) - 1)) << geometry.RefcountOrder >> 3;

    private async ValueTask<ulong?> LoadAsync(long block, long sliceOffset, int index)
    {
        try
        {
            var slice = await slices.GetAsync(sliceOffset);
            var count = RefcountEntries.Get(slice.Span, geometry.RefcountOrder, index);
            slice.Unpin();
            return count;
        }
        catch (BlockException e)
        {
            NoteFailure(block, e, true);
            return null;
        }
    }

    private void NoteFailure(long block, BlockException failure, bool reports)
    {
        unreadable[block] = failure.ErrorNumber;
        if (!reports)
            return;
        findings.Report($"Can't get refcount for cluster {block << geometry.RefcountBlockBits}: {Errno.Message(failure.ErrorNumber)}");
        findings.CheckErrors++;
    }

    private async ValueTask<long> ShowBlockAsync(TableReadAhead reader, long first, long chunkEnd, Handler handler, bool reportsFailures)
    {
        var block = first >> geometry.RefcountBlockBits;
        var end = Math.Min(chunkEnd, (block + 1) << geometry.RefcountBlockBits);
        var index = (int)(first & ((1L << geometry.RefcountBlockBits) - 1));
        if (Offset(block) == 0)
        {
            while (end < chunkEnd && Offset(end >> geometry.RefcountBlockBits) == 0)
                end = Math.Min(chunkEnd, end + (1L << geometry.RefcountBlockBits));
            handler(first, end, default, 0, 0);
            return end;
        }

        if (Failure(block) is var known and not 0)
        {
            handler(first, end, default, index, known);
            return end;
        }

        try
        {
            var counts = await reader.NextAsync();
            handler(first, end, counts.Span, index, 0);
        }
        catch (BlockException e)
        {
            NoteFailure(block, e, reportsFailures);
            handler(first, end, default, index, e.ErrorNumber);
        }

        return end;
    }

    /// <summary>The error number of reading a block, 0 when nothing is known against it.</summary>
    private int Failure(long block)
    {
        var offset = Offset(block);
        if (offset > (ulong)(Qcow2Limits.MaxFileLength - geometry.ClusterLength) || geometry.OffsetInCluster((long)offset) != 0)
            return Errno.EIO;
        return unreadable.Count == 0 ? 0 : unreadable.GetValueOrDefault(block);
    }
}
