using System.Buffers.Binary;
using BlockUring.Native.Interop;
using BlockUring.Storage;

namespace BlockUring.Images.Qcow2;

/// <summary>
/// Checks an image's metadata without changing it: counts the references to every host cluster and compares them with the refcounts,
/// then looks at the entries that say that a cluster is referenced once. What is found, its order and its lines are those of QEMU.
/// </summary>
/// <remarks>
/// Memory does not grow with the image: see <see cref="RefcountMap"/> for the counts, <see cref="RefcountOnes"/> for the refcounts and
/// <see cref="L2TableWalk"/> for the tables. An image whose clusters do not fit into one window has its tables walked once for each; the
/// first walk reports what is wrong with the tables, the others only count.
/// </remarks>
internal sealed class Qcow2Checker : IDisposable
{
    private const int SnapshotPointerOffset = 60;
    private const int SnapshotPointerLength = 12;

    private readonly BlockFile file;
    private readonly Qcow2Header header;
    private readonly Qcow2Geometry geometry;
    private readonly IReadOnlyList<Qcow2BitmapInfo> bitmaps;
    private readonly CheckRequest request;
    private readonly CheckFindings findings;
    private readonly RefcountMap map;
    private readonly long onesWindow;
    private RefcountBlocks? blocks;
    private SnapshotTableContent snapshots = SnapshotTableContent.None;
    private ulong snapshotTableOffset;
    private ulong[] comparedBlocks = [];

    /// <summary>A check of an open image.</summary>
    /// <param name="image">Not written to meanwhile.</param>
    /// <param name="request">Where lines go.</param>
    /// <param name="maxMapBytes">The bound of the reference counts.</param>
    /// <param name="onesWindow">Clusters whose refcounts are looked at together.</param>
    public Qcow2Checker(
        Qcow2Image image, CheckRequest request, long maxMapBytes = RefcountMap.DefaultMaxBytes, long onesWindow = RefcountOnes.MaxWindow)
    {
        this.onesWindow = onesWindow;
        file = image.File;
        header = image.Header;
        geometry = image.Geometry;
        bitmaps = image.Bitmaps.Stored;
        this.request = request;
        findings = new CheckFindings(request.Report);
        map = new RefcountMap(maxMapBytes);
    }

    /// <summary>How often the tables were walked to count references.</summary>
    public int PassCount { get; private set; }

    /// <summary>Runs the check.</summary>
    /// <exception cref="BlockException">It could not be carried out; what was found up to there has been reported.</exception>
    public async ValueTask<CheckResult> RunAsync()
    {
        await ReadSnapshotsAsync();
        // QEMU's lengths are in whole sectors.
        var fileLength = (file.Length + 511) & ~511L;
        if (geometry.ClustersFor(fileLength) > Qcow2Limits.MaxCheckedClusters)
            throw Qcow2Errors.Limit("The image file has too many clusters to be checked");
        blocks = await RefcountBlocks.ReadAsync(file, header, findings);
        comparedBlocks = new ulong[(blocks.Count + 63) / 64];
        var comparison = new RefcountComparison(map, blocks, geometry, findings);
        var result = new CheckResult();
        long clusterCount;
        do
        {
            var counter = await CountAsync(fileLength, visitor => result = WithUse(result, visitor));
            clusterCount = counter.ClusterCount;
            var end = Math.Min(map.End, clusterCount);
            await comparison.RunAsync(map.First, end);
            map.Restart(end);
        }
        while (map.First < clusterCount);
        await CheckCopiedFlagsAsync(clusterCount);
        return result with
        {
            CheckErrors = findings.CheckErrors,
            Corruptions = findings.Corruptions,
            Leaks = findings.Leaks,
            ImageEndOffset = (comparison.HighestCluster + 1) << geometry.ClusterBits,
            TotalClusters = geometry.ClustersFor(header.GuestLength & ~511L),
        };
    }

    public void Dispose() => blocks?.Dispose();

    private static CheckResult WithUse(CheckResult result, ReferenceVisitor visitor) => result with
    {
        AllocatedClusters = visitor.AllocatedClusters,
        FragmentedClusters = visitor.FragmentedClusters,
        CompressedClusters = visitor.CompressedClusters,
    };

    private async ValueTask ReadSnapshotsAsync()
    {
        // Opening for a check leaves the snapshots alone, so that a broken table is a finding.
        uint count;
        using (var buffer = file.Buffers.Rent(SnapshotPointerLength))
        {
            await file.ReadAsync(SnapshotPointerOffset, buffer.Memory);
            count = BinaryPrimitives.ReadUInt32BigEndian(buffer.Span);
            snapshotTableOffset = BinaryPrimitives.ReadUInt64BigEndian(buffer.Span[4..]);
        }

        DemandSnapshotTable(count);
        if (count == 0)
            return;
        try
        {
            snapshots = await SnapshotTable.ReadAsync(file, (long)snapshotTableOffset, (int)count, header.GuestLength & ~511L);
        }
        catch (BlockException e)
        {
            request.Complain("ERROR failed to read the snapshot table: " + e.Message);
            throw;
        }

        for (var i = 0; i < snapshots.Snapshots.Count && header.Version >= 3; i++)
        {
            if (snapshots.Snapshots[i].ExtraLength < Qcow2Snapshot.RequiredExtraLength)
                findings.Corrupt($"ERROR snapshot table entry {i} is incomplete");
        }
    }

    private void DemandSnapshotTable(uint count)
    {
        if (count > Qcow2Limits.MaxSnapshots)
        {
            request.Complain(
                "ERROR snapshot table too large\n" +
                $"You can force-remove all {count - Qcow2Limits.MaxSnapshots} overhanging snapshots with qemu-img check -r all");
            throw Qcow2Errors.Limit("snapshot table too large");
        }

        var lastOffset = (ulong)(long.MaxValue - ((long)count * Qcow2Snapshot.FixedLength));
        if (snapshotTableOffset > lastOffset || geometry.OffsetInCluster((long)snapshotTableOffset) != 0)
        {
            request.Complain("ERROR snapshot table offset invalid");
            throw Qcow2Errors.Invalid("snapshot table offset invalid");
        }
    }

    /// <summary>Counts all references to the clusters of the map's window.</summary>
    private async ValueTask<ReferenceCounter> CountAsync(long fileLength, Action<ReferenceVisitor> report)
    {
        var isFirst = PassCount++ == 0;
        var structural = isFirst ? findings : new CheckFindings(null);
        var counter = new ReferenceCounter(map, geometry, fileLength, structural, findings);
        var visitor = new ReferenceVisitor(counter, header, structural);
        counter.Count(0, geometry.ClusterLength);
        await using (var walk = new L2TableWalk(file, geometry.ClusterLength))
        {
            visitor.IsActive = true;
            await WalkAsync(walk, counter, visitor, (ulong)header.L1Offset, (uint)header.L1Count);
            visitor.IsActive = false;
            await CountSnapshotsAsync(walk, counter, visitor, structural);
            await walk.ReplayAsync(visitor.Recount);
        }

        counter.Count(snapshotTableOffset, snapshots.Length);
        counter.Count((ulong)header.RefcountTableOffset, (long)header.RefcountTableClusters << geometry.ClusterBits);
        if (header.Encryption is { } keys)
            counter.Count((ulong)keys.Offset, keys.Length);
        await CountBitmapsAsync(counter, structural);
        CountRefcountBlocks(counter, structural);
        if (isFirst)
            report(visitor);
        return counter;
    }

    private async ValueTask CountSnapshotsAsync(L2TableWalk walk, ReferenceCounter counter, ReferenceVisitor visitor, CheckFindings structural)
    {
        if (header.HasDataFile && snapshots.Snapshots.Count > 0)
            structural.Corrupt($"ERROR {snapshots.Snapshots.Count} snapshots in image with data file");
        foreach (var snapshot in snapshots.Snapshots)
        {
            if (geometry.OffsetInCluster((long)snapshot.L1Offset) != 0)
            {
                structural.Corrupt($"ERROR snapshot {snapshot.Id} ({snapshot.Name}) l1_offset=0x{snapshot.L1Offset:x}: L1 table is not cluster aligned; snapshot table entry corrupted");
            }
            else if (snapshot.L1Count > Qcow2Limits.MaxL1Bytes / L1Table.EntryLength)
            {
                structural.Corrupt($"ERROR snapshot {snapshot.Id} ({snapshot.Name}) l1_size=0x{snapshot.L1Count:x}: L1 table is too large; snapshot table entry corrupted");
            }
            else
            {
                await WalkAsync(walk, counter, visitor, snapshot.L1Offset, snapshot.L1Count);
            }
        }
    }

    private static async ValueTask WalkAsync(L2TableWalk walk, ReferenceCounter counter, ReferenceVisitor visitor, ulong offset, uint count)
    {
        if (count == 0)
            return;
        var length = (long)count * L1Table.EntryLength;
        counter.Count(offset, length);
        if (offset > (ulong)(Qcow2Limits.MaxFileLength - length))
        {
            var failure = BlockException.FromErrno(Errno.EIO, "Could not read", "");
            visitor.ReadFailed(true, failure);
            throw failure;
        }

        await walk.RunAsync((long)offset, count, visitor);
    }

    private async ValueTask CountBitmapsAsync(ReferenceCounter counter, CheckFindings structural)
    {
        if (header.Bitmaps is not { } directory)
            return;
        counter.Count((ulong)directory.DirectoryOffset, directory.DirectoryLength);
        var tables = new BitmapTables(file, geometry);
        foreach (var bitmap in bitmaps)
        {
            counter.Count(bitmap.TableOffset, (long)bitmap.TableCount * BitmapTables.EntryLength);
            if (!await tables.AreValidAsync(bitmap))
            {
                structural.Corruptions++;
                throw Qcow2Errors.Invalid($"The table of bitmap '{bitmap.Name}' is corrupt");
            }

            await tables.ForEachAsync(bitmap, offset => counter.Count((ulong)offset, geometry.ClusterLength));
        }
    }

    private void CountRefcountBlocks(ReferenceCounter counter, CheckFindings structural)
    {
        for (var block = 0; block < blocks!.Count; block++)
        {
            var offset = blocks.Offset(block);
            if (blocks.HasReservedBits(block))
                structural.Corrupt($"ERROR refcount table entry {block} has reserved bits set");
            else if (geometry.OffsetInCluster((long)offset) != 0)
                structural.Corrupt($"ERROR refcount block {block} is not cluster aligned; refcount table entry corrupted");
            else if (offset >> geometry.ClusterBits >= (ulong)counter.ClusterCount)
                structural.Corrupt($"ERROR refcount block {block} is outside image");
            else if (offset != 0)
                CountRefcountBlock(counter, block, offset);
        }
    }

    private void CountRefcountBlock(ReferenceCounter counter, int block, ulong offset)
    {
        counter.Count(offset, geometry.ClusterLength);
        var cluster = (long)(offset >> geometry.ClusterBits);
        ref var compared = ref comparedBlocks[block >> 6];
        // Each block is looked at in one window only, also when the window's end has come down since.
        if (cluster < map.First || cluster >= map.End || (compared >> block & 1) != 0)
            return;
        compared |= 1ul << block;
        var references = Math.Min(map[cluster], RefcountEntries.Max(geometry.RefcountOrder));
        if (references != 1)
            findings.Corrupt($"ERROR refcount block {block} refcount={references}");
    }

    private async ValueTask CheckCopiedFlagsAsync(long clusterCount)
    {
        for (var first = 0L; first == 0 || first < clusterCount; first += onesWindow)
        {
            var ones = await RefcountOnes.ReadAsync(blocks!, geometry, first, Math.Min(clusterCount, first + onesWindow));
            var visitor = new CopiedFlagVisitor(blocks!, ones, clusterCount, header, findings);
            await using var walk = new L2TableWalk(file, geometry.ClusterLength);
            await walk.RunAsync(header.L1Offset, header.L1Count, visitor);
        }
    }
}
