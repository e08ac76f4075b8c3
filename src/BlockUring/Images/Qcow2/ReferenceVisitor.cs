using BlockUring.Native.Memory;
using BlockUring.Storage;

namespace BlockUring.Images.Qcow2;

/// <summary>Counts what L1 and L2 entries refer to, and looks whether the entries keep the format's rules.</summary>
/// <param name="counter">Receives the references.</param>
/// <param name="header">Of the image.</param>
/// <param name="findings">Receives the problems.</param>
/// <param name="repaired">The file to be repaired; null where nothing is.</param>
internal sealed class ReferenceVisitor(ReferenceCounter counter, Qcow2Header header, CheckFindings findings, BlockFile? repaired) : IL2TableVisitor
{
    private const ulong L1ReservedMask = 0x7f000000000001ff;
    private const ulong L2ReservedMask = 0x3f000000000001fe;

    private readonly Qcow2Geometry geometry = header.Geometry;
    private readonly bool hasDataFile = header.HasDataFile;
    private readonly List<int> repairs = [];
    private long tableOffset;

    /// <summary>Whether tables are those of the active L1 table, whose clusters are tallied.</summary>
    public bool IsActive { get; set; }

    public long AllocatedClusters { get; private set; }

    public long FragmentedClusters { get; private set; }

    public long CompressedClusters { get; private set; }

    public bool Wants(ulong l1Entry) => l1Entry != 0;

    public ValueTask<bool> EnterAsync(long l1Index, ulong l1Entry)
    {
        if ((l1Entry & L1ReservedMask) != 0)
            findings.Corrupt($"ERROR found L1 entry with reserved bits set: {l1Entry:x}");
        var l2Offset = l1Entry & L1Table.OffsetMask;
        tableOffset = (long)l2Offset;
        counter.Count(l2Offset, geometry.ClusterLength);
        if (geometry.OffsetInCluster((long)l2Offset) != 0)
            findings.Corrupt($"ERROR l2_offset={l2Offset:x}: Table is not cluster aligned; L1 entry corrupted");
        return new(true);
    }

    public async ValueTask<TableTally> VisitAsync(IoMemory table)
    {
        var tally = Check(new L2Slice(table.Span, geometry.HasSubclusters));
        if (repairs.Count > 0)
            await WriteRepairsAsync(table);
        Add(tally);
        return tally;
    }

    public void Revisit(TableTally tally)
    {
        findings.Corruptions += tally.Corruptions;
        Add(tally);
    }

    /// <summary>Counts the references of a table again, that were left out when it was revisited.</summary>
    /// <param name="table">The table.</param>
    /// <param name="times">How often it was.</param>
    public void Recount(IoMemory table, long times)
    {
        var entries = new L2Slice(table.Span, geometry.HasSubclusters);
        for (var i = 0; i < entries.Count; i++)
        {
            var entry = entries[i];
            if (entry.IsCompressed)
                CountCompressed(entry, (ulong)times);
            else if (entry.HostOffset != 0 && !hasDataFile)
                counter.Count((ulong)entry.HostOffset, geometry.ClusterLength, (ulong)times);
        }
    }

    public void ReadFailed(bool isL1, BlockException failure)
    {
        findings.Report($"ERROR: I/O error in check_refcounts_{(isL1 ? "l1" : "l2")}");
        findings.CheckErrors++;
    }

    private void Add(TableTally tally)
    {
        if (!IsActive)
            return;
        AllocatedClusters += tally.AllocatedClusters;
        FragmentedClusters += tally.FragmentedClusters;
        CompressedClusters += tally.CompressedClusters;
    }

    private TableTally Check(L2Slice entries)
    {
        var before = findings.Corruptions;
        var (allocated, fragmented, compressed) = (0, 0, 0);
        var expected = 0L;
        for (var i = 0; i < entries.Count; i++)
        {
            var entry = entries[i];
            if ((entry.Descriptor | entry.Bitmap) == 0)
                continue;
            if (entry.IsCompressed)
            {
                if (!CheckCompressed(i, entry))
                    continue;
                allocated++;
                fragmented++;
                compressed++;
                continue;
            }

            if ((entry.Descriptor & L2ReservedMask) != 0)
                findings.Corrupt($"ERROR found l2 entry with reserved bits set: {entry.Descriptor:x}");
            if (!entry.HasHostCluster(hasDataFile, geometry.HasSubclusters))
            {
                if ((uint)entry.Bitmap != 0)
                    findings.Corrupt($"ERROR: Unallocated cluster has non-zero subcluster allocation map");
                continue;
            }

            if (!CheckStandard(entry))
            {
                repairs.Add(i);
                continue;
            }

            allocated++;
            if (expected != 0 && entry.HostOffset != expected)
                fragmented++;
            expected = entry.HostOffset + geometry.ClusterLength;
        }

        return new(findings.Corruptions - before, allocated, fragmented, compressed);
    }

    /// <summary>Looks at a standard cluster that has a place, and counts it.</summary>
    /// <returns>False when the entry is to be made one of zeroes without a place.</returns>
    private bool CheckStandard(L2Entry entry)
    {
        if ((entry.Bitmap >> 32 & entry.Bitmap) != 0)
            findings.Corrupt($"ERROR offset={entry.HostOffset:x}: Allocated cluster has corrupted subcluster allocation bitmap");
        if (geometry.OffsetInCluster(entry.HostOffset) != 0)
        {
            var hasData = geometry.HasSubclusters ? (uint)entry.Bitmap != 0 : (entry.Descriptor & L2Entry.ZeroFlag) == 0;
            var isRepaired = repaired != null && !hasData;
            findings.Report(
                $"{(isRepaired ? "Repairing" : "ERROR")} offset={entry.HostOffset:x}: {(hasData ? "Data" : "Preallocated")} cluster is not properly aligned; L2 entry corrupted.");
            if (isRepaired)
                return false;
            findings.Corruptions++;
        }

        if (!hasDataFile)
            counter.Count((ulong)entry.HostOffset, geometry.ClusterLength);
        return true;
    }

    // Each entry lies in one sector, so that a power cut leaves it as it was or repaired.
    private async ValueTask WriteRepairsAsync(IoMemory table)
    {
        foreach (var index in repairs)
        {
            MakeZero(new L2Slice(table.Span, geometry.HasSubclusters), index);
            var at = index * geometry.L2EntryLength;
            repaired!.Announce(FileSteps.L2Update);
            await repaired.WriteAsync(tableOffset + at, table.Slice(at, geometry.L2EntryLength));
            findings.CorruptionsFixed++;
        }

        await repaired!.FlushAsync();
        repairs.Clear();
    }

    private void MakeZero(L2Slice entries, int index) =>
        entries[index] = geometry.HasSubclusters ? new(0, entries[index].Bitmap & 0xffffffff00000000) : new(L2Entry.ZeroFlag);

    /// <returns>False when it is not one to be counted.</returns>
    private bool CheckCompressed(int index, L2Entry entry)
    {
        var descriptor = entry.Descriptor;
        if (entry.IsCopied)
        {
            var offset = CompressedDescriptor.Decode(descriptor, geometry.ClusterBits).HostOffset;
            findings.Corrupt($"ERROR: coffset=0x{offset:x}: copied flag must never be set for compressed clusters");
            descriptor &= ~L2Entry.CopiedFlag;
        }

        if (hasDataFile)
        {
            findings.Corrupt($"ERROR compressed cluster {index} with data file, entry=0x{descriptor:x}");
            return false;
        }

        if (entry.Bitmap != 0)
        {
            findings.Corrupt($"ERROR compressed cluster {index} with non-zero subcluster allocation bitmap, entry=0x{descriptor:x}");
            return false;
        }

        CountCompressed(entry, 1);
        return true;
    }

    private void CountCompressed(L2Entry entry, ulong times)
    {
        if (hasDataFile || entry.Bitmap != 0)
            return;
        var (offset, length) = CompressedDescriptor.Decode(entry.Descriptor, geometry.ClusterBits);
        counter.Count((ulong)offset, length, times);
    }
}
