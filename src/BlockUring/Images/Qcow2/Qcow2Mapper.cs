using System.Runtime.CompilerServices;
using BlockUring.Storage;

namespace BlockUring.Images.Qcow2;

/// <summary>Finds where guest bytes are: L1 table in memory, L2 tables through the cache.</summary>
internal sealed class Qcow2Mapper
{
    // Why: a run may go on through any number of tables; the answer to one request must not wait for more reads than this.
    private const int MaxReadsPerRequest = 64;

    private readonly BlockFile file;
    private readonly BlockFile dataFile;
    private readonly Qcow2Geometry geometry;
    private readonly TableCache cache;
    private readonly bool hasDataFile;
    private readonly bool allowsZeroes;

    public Qcow2Mapper(BlockFile file, BlockFile dataFile, Qcow2Header header, Qcow2Geometry geometry, TableCache cache)
    {
        this.file = file;
        this.dataFile = dataFile;
        this.geometry = geometry;
        this.cache = cache;
        hasDataFile = header.HasDataFile;
        allowsZeroes = header.Version >= 3;
    }

    /// <summary>Whether data clusters may be holes in the file; see <see cref="SparseDetector"/>.</summary>
    public bool MayBeSparse { get; set; }

    /// <summary>The run at a guest offset; completes at once, without allocation, when the tables are cached.</summary>
    public ValueTask<Mapping> MapAsync(L1Table l1, long guestOffset, long maxLength)
    {
        var scan = new MapScan(guestOffset, maxLength);
        return TryScan(l1, ref scan, out var missing)
            ? new(scan.ToMapping(dataFile, file, MayBeSparse))
            : ContinueAsync(l1, scan, missing);
    }

    [AsyncMethodBuilder(typeof(PooledTaskBuilder<>))]
    private async ValueTask<Mapping> ContinueAsync(L1Table l1, MapScan scan, long missing)
    {
        var reads = 0;
        do
        {
            if (reads++ >= MaxReadsPerRequest && scan.IsStarted)
                break;
            var table = await cache.GetAsync(missing);
            var goesOn = ScanSlice(new L2Slice(table.Span, geometry.HasSubclusters), missing, ref scan);
            table.Unpin();
            if (!goesOn)
                break;
        }
        while (!TryScan(l1, ref scan, out missing));

        return scan.ToMapping(dataFile, file, MayBeSparse);
    }

    // True when the run ended; false when it may go on in a slice that is not cached.
    private bool TryScan(L1Table l1, ref MapScan scan, out long missing)
    {
        missing = 0;
        while (scan.Position < scan.End)
        {
            var l2Offset = l1.L2Offset(geometry.L1Index(scan.Position));
            if (l2Offset == 0)
            {
                if (!TakeEmpty(l1, ref scan))
                    return true;
                continue;
            }

            DemandTable(l2Offset, scan.Position);
            var sliceOffset = l2Offset + geometry.SliceStart(scan.Position);
            if (!cache.TryGet(sliceOffset, out var table))
            {
                missing = sliceOffset;
                return false;
            }

            if (!ScanSlice(new L2Slice(table.Span, geometry.HasSubclusters), sliceOffset, ref scan))
                return true;
        }

        return true;
    }

    // A run of guest space without L2 tables.
    private bool TakeEmpty(L1Table l1, ref MapScan scan)
    {
        if (!TryTake(ref scan, ClusterKind.Unallocated, -1))
            return false;
        var index = geometry.L1Index(scan.Position);
        var lastIndex = geometry.L1Index(scan.End - 1);
        var count = Math.Max(1, l1.CountEmpty(index, lastIndex - index + 1));
        return scan.Advance((index + count) << geometry.L1Shift);
    }

    // Whether the run goes on beyond this slice.
    private bool ScanSlice(L2Slice slice, long sliceOffset, ref MapScan scan)
    {
        for (var index = geometry.SliceIndex(scan.Position); index < geometry.SliceEntryCount;)
        {
            var entry = slice[index];
            var subcluster = geometry.SubclusterIndex(scan.Position);
            var kind = entry.Run(subcluster, geometry.HasSubclusters, hasDataFile, out var count);
            if (!scan.IsStarted)
                DemandEntry(entry, kind, scan.Position, sliceOffset, index);
            else if (kind == ClusterKind.Invalid)
                return false;
            if (!TryTake(ref scan, kind, HostOffset(entry, kind, scan.Position)))
                return false;

            var clusterStart = scan.Position & -(long)geometry.ClusterLength;
            if (!scan.Advance(clusterStart + ((long)(subcluster + count) << geometry.SubclusterBits)))
                return false;
            if (kind == ClusterKind.Compressed)
                return false;
            if (subcluster + count < geometry.SubclusterCount)
                continue;
            index++;
            if (!geometry.HasSubclusters && !SkipEqual(slice, ref index, ref scan))
                return false;
        }

        return true;
    }

    // Goes fast over the entries that continue the run, in tables without subclusters.
    private bool SkipEqual(L2Slice slice, ref int index, ref MapScan scan)
    {
        if (index >= geometry.SliceEntryCount)
            return true;
        var wanted = (scan.End - scan.Position + geometry.ClusterLength - 1) >> geometry.ClusterBits;
        var maxCount = (int)Math.Min(wanted, geometry.SliceEntryCount - index);
        var count = scan.Kind switch
        {
            ClusterKind.Unallocated => Math.Min(maxCount, slice.CountEmpty(index)),
            ClusterKind.Data => slice.CountContiguous(index, maxCount, scan.ExpectedHost, geometry.ClusterLength),
            _ => 0,
        };
        index += count;
        return count == 0 || scan.Advance(scan.Position + ((long)count << geometry.ClusterBits));
    }

    private static bool TryTake(ref MapScan scan, ClusterKind kind, long hostOffset)
    {
        if (scan.IsStarted)
            return scan.Continues(kind, hostOffset);
        scan.Begin(kind, hostOffset);
        return true;
    }

    private long HostOffset(L2Entry entry, ClusterKind kind, long guestOffset) => kind switch
    {
        ClusterKind.Compressed => (long)entry.Descriptor,
        ClusterKind.Data or ClusterKind.ZeroReserved or ClusterKind.UnallocatedReserved =>
            entry.HostOffset + geometry.OffsetInCluster(guestOffset),
        _ => -1,
    };

    private void DemandTable(long l2Offset, long guestOffset)
    {
        if (geometry.OffsetInCluster(l2Offset) != 0)
            throw Corrupt(guestOffset, $"L2 table offset 0x{l2Offset:x} unaligned (L1 index: 0x{geometry.L1Index(guestOffset):x})");
        if (l2Offset >= file.Length)
            throw Corrupt(guestOffset, $"L2 table offset 0x{l2Offset:x} is beyond the end of the file (L1 index: 0x{geometry.L1Index(guestOffset):x})");
    }

    private void DemandEntry(L2Entry entry, ClusterKind kind, long guestOffset, long sliceOffset, int index)
    {
        switch (kind)
        {
            case ClusterKind.Invalid:
                throw Corrupt(guestOffset, $"Invalid cluster entry found  ({Place(sliceOffset, index)})");
            case ClusterKind.Compressed when hasDataFile:
                throw Corrupt(guestOffset, $"Compressed cluster entry found in image with external data file ({Place(sliceOffset, index)})");
            case ClusterKind.Zero or ClusterKind.ZeroReserved when !allowsZeroes:
                throw Corrupt(guestOffset, $"Zero cluster entry found in pre-v3 image ({Place(sliceOffset, index)})");
            case ClusterKind.Data or ClusterKind.ZeroReserved or ClusterKind.UnallocatedReserved:
                DemandHost(entry, guestOffset, sliceOffset, index);
                break;
        }
    }

    private void DemandHost(L2Entry entry, long guestOffset, long sliceOffset, int index)
    {
        var host = entry.HostOffset;
        if (geometry.OffsetInCluster(host) != 0)
            throw Corrupt(guestOffset, $"Cluster allocation offset 0x{host:x} unaligned ({Place(sliceOffset, index)})");
        var guestCluster = guestOffset & -(long)geometry.ClusterLength;
        if (hasDataFile && host != guestCluster)
        {
            throw Corrupt(
                guestOffset,
                $"External data file host cluster offset 0x{host:x} does not match guest cluster offset: 0x{guestCluster:x} " +
                $"({Place(sliceOffset, index)})");
        }
    }

    private BlockException Corrupt(long guestOffset, string what) => Qcow2Errors.Corrupt(file.Path, guestOffset, what);

    private string Place(long sliceOffset, int index)
    {
        var start = geometry.OffsetInCluster(sliceOffset);
        return $"L2 offset: 0x{sliceOffset - start:x}, L2 index: 0x{(start / geometry.L2EntryLength) + index:x}";
    }
}
