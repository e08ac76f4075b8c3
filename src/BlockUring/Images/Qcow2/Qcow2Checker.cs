using BlockUring.Native.Interop;
using BlockUring.Storage;

namespace BlockUring.Images.Qcow2;

/// <summary>
/// Checks an image's metadata: counts the references to every host cluster and compares them with the refcounts, then looks at the entries
/// that say that a cluster is referenced once. On request it repairs what it finds. What is found, its order and its lines are those of QEMU.
/// </summary>
/// <remarks>
/// Repairs change refcounts and flags where they are, and nothing that the guest sees. A power cut in between leaves an image that is no worse
/// than before, and that the next repair makes right; the marks of a dirty or corrupt image go last.
/// <para>
/// Memory does not grow with the image: see <see cref="RefcountMap"/> for the counts, <see cref="RefcountOnes"/> for the refcounts and
/// <see cref="L2TableWalk"/> for the tables. An image whose clusters do not fit into one window has its tables walked once for each; the
/// first walk reports what is wrong with the tables, the others only count. Such an image is not repaired.
/// </para>
/// </remarks>
internal sealed class Qcow2Checker : IDisposable
{
    private readonly Qcow2Image image;
    private readonly BlockFile file;
    private readonly Qcow2Geometry geometry;
    private readonly IReadOnlyList<Qcow2BitmapInfo> bitmaps;
    private readonly CheckRequest request;
    private readonly CheckFindings findings;
    private readonly RefcountMap map;
    private readonly long onesWindow;
    private readonly SnapshotTableCheck snapshotTable;
    private RefcountBlocks? blocks;
    private ulong[] comparedBlocks = [];

    /// <summary>A check of an open image.</summary>
    /// <param name="image">Not written to meanwhile; after a repair its tables are to be read again.</param>
    /// <param name="request">Where lines go, and what is to be repaired.</param>
    /// <param name="maxMapBytes">The bound of the reference counts.</param>
    /// <param name="onesWindow">Clusters whose refcounts are looked at together.</param>
    public Qcow2Checker(
        Qcow2Image image, CheckRequest request, long maxMapBytes = RefcountMap.DefaultMaxBytes, long onesWindow = RefcountOnes.MaxWindow)
    {
        this.image = image;
        this.onesWindow = onesWindow;
        file = image.File;
        geometry = image.Geometry;
        bitmaps = image.Bitmaps.Stored;
        this.request = request;
        findings = new CheckFindings(request.Report);
        map = new RefcountMap(maxMapBytes);
        snapshotTable = new SnapshotTableCheck(image, request, findings);
    }

    /// <summary>The internal snapshots, once the check has run.</summary>
    public IReadOnlyList<Qcow2Snapshot> Snapshots => snapshotTable.Content.Snapshots;

    private Qcow2Header Header => image.Header;

    private bool Repairs => request.FixesLeaks || request.FixesErrors;

    /// <summary>How often the tables were walked to count references.</summary>
    public int PassCount { get; private set; }

    /// <summary>Runs the check.</summary>
    /// <exception cref="BlockException">It could not be carried out; what was found up to there has been reported.</exception>
    public async ValueTask<CheckResult> RunAsync()
    {
        if (Repairs)
            await ClearUnknownFeaturesAsync();
        await snapshotTable.ReadAsync();
        var fileLength = FileLength();
        if (geometry.ClustersFor(fileLength) > Qcow2Limits.MaxCheckedClusters)
            throw Qcow2Errors.Limit("The image file has too many clusters to be checked");
        await ReadBlocksAsync();
        var comparison = new RefcountComparison(map, blocks!, geometry, findings);
        var result = new CheckResult();
        long clusterCount;
        CheckCounts uncompared;
        while (true)
        {
            var counter = await CountAsync(fileLength, request.FixesErrors, visitor => result = WithUse(result, visitor));
            clusterCount = counter.ClusterCount;
            uncompared = findings.Counts;
            var end = Math.Min(map.End, clusterCount);
            await comparison.RunAsync(map.First, end);
            if (end >= clusterCount)
                break;
            map.Restart(end);
        }

        if (Repairs)
            (comparison, clusterCount) = await RepairRefcountsAsync(comparison, clusterCount, uncompared);
        await CheckCopiedFlagsAsync(clusterCount);
        await snapshotTable.FixAsync();
        findings.Corruptions += snapshotTable.Corruptions;
        findings.CorruptionsFixed += snapshotTable.CorruptionsFixed;
        if (Repairs && findings is { CheckErrors: 0, Corruptions: 0 })
            await MarkSoundAsync();
        return result with
        {
            CheckErrors = findings.CheckErrors,
            Corruptions = findings.Corruptions,
            Leaks = findings.Leaks,
            CorruptionsFixed = findings.CorruptionsFixed,
            LeaksFixed = findings.LeaksFixed,
            ImageEndOffset = (comparison.HighestCluster + 1) << geometry.ClusterBits,
            TotalClusters = geometry.ClustersFor(Header.GuestLength & ~511L),
        };
    }

    public void Dispose() => blocks?.Dispose();

    private static CheckResult WithUse(CheckResult result, ReferenceVisitor visitor) => result with
    {
        AllocatedClusters = visitor.AllocatedClusters,
        FragmentedClusters = visitor.FragmentedClusters,
        CompressedClusters = visitor.CompressedClusters,
    };

    // QEMU's lengths are in whole sectors.
    private long FileLength() => (file.Length + 511) & ~511L;

    private async ValueTask ReadBlocksAsync()
    {
        blocks?.Dispose();
        blocks = await RefcountBlocks.ReadAsync(file, Header, findings);
        comparedBlocks = new ulong[(blocks.Count + 63) / 64];
    }

    // What an unknown feature keeps counts as leaked from here on, so that it must not be trusted any more.
    private async ValueTask ClearUnknownFeaturesAsync()
    {
        var kept = Header.Autoclear & AutoclearFeatures.Known;
        if (kept == Header.Autoclear)
            return;
        await new Qcow2HeaderWriter(image).WriteAsync(Qcow2Header.AutoclearOffset, (ulong)kept);
        await file.FlushAsync();
        image.Header = Header with { Autoclear = kept };
    }

    private async ValueTask<(RefcountComparison Comparison, long ClusterCount)> RepairRefcountsAsync(
        RefcountComparison comparison, long clusterCount, CheckCounts uncompared)
    {
        if (findings is { Leaks: 0, Corruptions: 0, NeedsRebuild: false })
            return (comparison, clusterCount);
        if (map.First > 0)
            throw Qcow2Errors.Limit($"The references of '{file.Path}' take too much memory to be repaired");
        if (findings.NeedsRebuild && request.FixesErrors)
            return await RebuildRefcountsAsync(clusterCount, uncompared);
        if (findings.NeedsRebuild)
        {
            findings.Report($"ERROR need to rebuild refcount structures");
            throw BlockException.FromErrno(Errno.EIO, "Could not repair", file.Path);
        }

        findings.Counts = uncompared;
        await comparison.RepairAsync(0, clusterCount, request.FixesLeaks, request.FixesErrors);
        await file.FlushAsync();
        return (comparison, clusterCount);
    }

    private async ValueTask<(RefcountComparison Comparison, long ClusterCount)> RebuildRefcountsAsync(
        long clusterCount, CheckCounts uncompared)
    {
        var old = findings.Counts;
        findings.Report($"Rebuilding refcount structure");
        await new RefcountRebuild(image, map, clusterCount, geometry.RefcountOrder).RunAsync();

        // Why also the errors: what could not be read is not what the image has any more.
        findings.Counts = uncompared with { Corruptions = 0, Leaks = 0 };
        findings.NeedsRebuild = false;
        await ReadBlocksAsync();
        map.Restart(0);
        PassCount = 0;
        var counter = await CountAsync(FileLength(), false, _ => { });
        var counted = findings.Counts;
        var comparison = new RefcountComparison(map, blocks!, geometry, findings);
        await comparison.RepairAsync(0, counter.ClusterCount, leaks: true, errors: false);
        await file.FlushAsync();
        if (findings.NeedsRebuild)
            findings.Report($"ERROR rebuilt refcount structure is still broken");
        findings.Counts = counted with
        {
            CorruptionsFixed = counted.CorruptionsFixed + Math.Max(0, old.Corruptions - counted.Corruptions),
            LeaksFixed = counted.LeaksFixed + Math.Max(0, old.Leaks - counted.Leaks),
            Leaks = findings.Leaks,
        };
        return (comparison, counter.ClusterCount);
    }

    private async ValueTask MarkSoundAsync()
    {
        var marks = Header.Incompatible & ~(IncompatibleFeatures.Dirty | IncompatibleFeatures.Corrupt);
        await file.FlushAsync();
        if (marks == Header.Incompatible)
            return;
        await new Qcow2HeaderWriter(image).WriteAsync(Qcow2Header.IncompatibleOffset, (ulong)marks);
        await file.FlushAsync();
        image.Header = Header with { Incompatible = marks };
    }

    /// <summary>Counts all references to the clusters of the map's window.</summary>
    private async ValueTask<ReferenceCounter> CountAsync(long fileLength, bool fixesErrors, Action<ReferenceVisitor> report)
    {
        var isFirst = PassCount++ == 0;
        var structural = isFirst ? findings : new CheckFindings(null);
        var counter = new ReferenceCounter(map, geometry, fileLength, structural, findings);
        var visitor = new ReferenceVisitor(counter, Header, structural, fixesErrors ? file : null);
        counter.Count(0, geometry.ClusterLength);
        await using (var walk = new L2TableWalk(file, geometry.ClusterLength))
        {
            visitor.IsActive = true;
            await WalkAsync(walk, counter, visitor, (ulong)Header.L1Offset, (uint)Header.L1Count);
            visitor.IsActive = false;
            await CountSnapshotsAsync(walk, counter, visitor, structural);
            await walk.ReplayAsync(visitor.Recount);
        }

        counter.Count(snapshotTable.Offset, snapshotTable.Content.Length);
        counter.Count((ulong)Header.RefcountTableOffset, (long)Header.RefcountTableClusters << geometry.ClusterBits);
        if (Header.Encryption is { } keys)
            counter.Count((ulong)keys.Offset, keys.Length);
        await CountBitmapsAsync(counter, structural);
        await CountRefcountBlocksAsync(counter, structural, fixesErrors);
        if (isFirst)
            report(visitor);
        return counter;
    }

    private async ValueTask CountSnapshotsAsync(L2TableWalk walk, ReferenceCounter counter, ReferenceVisitor visitor, CheckFindings structural)
    {
        if (Header.HasDataFile && Snapshots.Count > 0)
            structural.Corrupt($"ERROR {Snapshots.Count} snapshots in image with data file");
        foreach (var snapshot in Snapshots)
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
        if (Header.Bitmaps is not { } directory)
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

    private async ValueTask CountRefcountBlocksAsync(ReferenceCounter counter, CheckFindings structural, bool fixesErrors)
    {
        for (var block = 0; block < blocks!.Count; block++)
        {
            var offset = blocks.Offset(block);
            if (blocks.HasReservedBits(block))
                CorruptTable(structural, $"ERROR refcount table entry {block} has reserved bits set");
            else if (geometry.OffsetInCluster((long)offset) != 0)
                CorruptTable(structural, $"ERROR refcount block {block} is not cluster aligned; refcount table entry corrupted");
            else if (offset >> geometry.ClusterBits >= (ulong)counter.ClusterCount)
                await IncludeRefcountBlockAsync(counter, structural, block, fixesErrors);
            else if (offset != 0)
                CountRefcountBlock(counter, block, offset);
        }
    }

    private void CorruptTable(CheckFindings structural, string line)
    {
        structural.Corrupt($"{line}");
        findings.NeedsRebuild = true;
    }

    // A block behind the end of the file is one that was never written: the file is made to reach there.
    private async ValueTask IncludeRefcountBlockAsync(ReferenceCounter counter, CheckFindings structural, int block, bool fixesErrors)
    {
        structural.Report($"{(fixesErrors ? "Repairing" : "ERROR")} refcount block {block} is outside image");
        if (!fixesErrors)
        {
            structural.Corruptions++;
            return;
        }

        var errno = await TryReachAsync(blocks!.Offset(block) + (ulong)geometry.ClusterLength);
        if (errno != 0)
        {
            structural.Corruptions++;
            findings.NeedsRebuild = true;
            structural.Report($"ERROR could not resize image: {Errno.Message(errno)}");
            return;
        }

        counter.Grow(FileLength());
        findings.CorruptionsFixed++;
        counter.Count(blocks.Offset(block), geometry.ClusterLength);
    }

    // Makes the file longer; the error number, 0 for none.
    private async ValueTask<int> TryReachAsync(ulong end)
    {
        if (end > long.MaxValue)
            return Errno.EINVAL;
        try
        {
            if (end >> geometry.ClusterBits > Qcow2Limits.MaxCheckedClusters)
                throw Qcow2Errors.Limit("The image file would have too many clusters");
            await file.SetLengthAsync((long)end);
            return 0;
        }
        catch (BlockException e)
        {
            request.Complain($"Could not resize file: {Errno.Message(e.ErrorNumber)}");
            return e.ErrorNumber;
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
        if (references == 1)
            return;
        findings.Corrupt($"ERROR refcount block {block} refcount={references}");
        findings.NeedsRebuild = true;
    }

    private async ValueTask CheckCopiedFlagsAsync(long clusterCount)
    {
        var repairs = request.FixesErrors || (request.FixesLeaks && findings is { CheckErrors: 0, Corruptions: 0, Leaks: 0 });
        for (var first = 0L; first == 0 || first < clusterCount; first += onesWindow)
        {
            var ones = await RefcountOnes.ReadAsync(blocks!, geometry, first, Math.Min(clusterCount, first + onesWindow));
            var visitor = new CopiedFlagVisitor(blocks!, ones, clusterCount, Header, findings, repairs ? file : null);
            await using var walk = new L2TableWalk(file, geometry.ClusterLength);
            await walk.RunAsync(Header.L1Offset, Header.L1Count, visitor);
        }
    }
}
