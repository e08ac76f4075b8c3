using System.Buffers.Binary;
using BlockUring.Native.Interop;
using BlockUring.Native.Memory;
using BlockUring.Storage;

namespace BlockUring.Images.Qcow2;

/// <summary>
/// Looks whether the entries of the active tables say of a cluster that its refcount is one exactly when it is (specification: bit 63 of
/// the L1 and L2 table entries).
/// </summary>
/// <param name="blocks">The refcounts.</param>
/// <param name="ones">The window of clusters that this walk looks at.</param>
/// <param name="clusterCount">Clusters of the file; those beyond belong to the first window.</param>
/// <param name="header">Of the image.</param>
/// <param name="findings">Receives the problems.</param>
/// <param name="repaired">The file to be repaired; null where nothing is.</param>
internal sealed class CopiedFlagVisitor(
    RefcountBlocks blocks, RefcountOnes ones, long clusterCount, Qcow2Header header, CheckFindings findings, BlockFile? repaired) : IL2TableVisitor
{
    private const int SectorLength = 512;

    private readonly Qcow2Geometry geometry = header.Geometry;
    private readonly List<int> suspects = [];
    private readonly List<int> repairs = [];
    private readonly string verdict = repaired == null ? "ERROR" : "Repairing";
    private long tableOffset;

    public bool Wants(ulong l1Entry) => (l1Entry & L1Table.OffsetMask) != 0;

    public async ValueTask<bool> EnterAsync(long l1Index, ulong l1Entry)
    {
        tableOffset = (long)(l1Entry & L1Table.OffsetMask);
        var cluster = tableOffset >> geometry.ClusterBits;
        if (await blocks.GetAsync(cluster) is not { } refcount)
            return false;
        if (ones.First == 0 && (refcount == 1) != ((l1Entry & L1Table.CopiedFlag) != 0))
        {
            findings.Report($"{verdict} OFLAG_COPIED L2 cluster: l1_index={l1Index} l1_entry={l1Entry:x} refcount={refcount}");
            if (repaired == null)
                findings.Corruptions++;
            else
                await RepairL1Async(l1Index, l1Entry ^ L1Table.CopiedFlag);
        }

        return true;
    }

    public async ValueTask<TableTally> VisitAsync(IoMemory table)
    {
        FindSuspects(new L2Slice(table.Span, geometry.HasSubclusters));
        var before = findings.Corruptions;
        foreach (var index in suspects)
            await CheckAsync(table, index);
        if (repairs.Count > 0)
            await WriteRepairsAsync(table);
        return new(findings.Corruptions - before, 0, 0, 0);
    }

    public void Revisit(TableTally tally) => findings.Corruptions += tally.Corruptions;

    public void ReadFailed(bool isL1, BlockException failure)
    {
        findings.Report($"ERROR: Could not read L2 table: {Errno.Message(failure.ErrorNumber)}");
        findings.CheckErrors++;
    }

    private void FindSuspects(L2Slice entries)
    {
        suspects.Clear();
        for (var i = 0; i < entries.Count; i++)
        {
            var entry = entries[i];
            if (entry.Descriptor == 0 || entry.IsCompressed || !entry.HasHostCluster(header.HasDataFile, geometry.HasSubclusters))
                continue;
            if (IsSuspect(entry))
                suspects.Add(i);
        }
    }

    private bool IsSuspect(L2Entry entry)
    {
        if (header.HasDataFile)
            return ones.First == 0 && !entry.IsCopied;
        var cluster = entry.HostOffset >> geometry.ClusterBits;
        if (cluster >= ones.First && cluster < ones.End)
            return ones[cluster] != entry.IsCopied;
        return ones.First == 0 && cluster >= clusterCount;
    }

    private async ValueTask CheckAsync(IoMemory table, int index)
    {
        var entry = new L2Slice(table.Span, geometry.HasSubclusters)[index];
        var cluster = entry.HostOffset >> geometry.ClusterBits;
        if (repaired == null && !findings.HasLinesLeft && cluster < ones.End && !header.HasDataFile)
        {
            // Why: without a line to write, the count itself need not be looked up.
            findings.Corruptions += blocks.IsUnreadable(cluster) ? 0 : 1;
            return;
        }

        var refcount = header.HasDataFile ? 1 : await blocks.GetAsync(cluster);
        if (refcount is not { } count || (count == 1) == entry.IsCopied)
            return;
        findings.Report($"{verdict} OFLAG_COPIED data cluster: l2_entry={entry.Descriptor:x} refcount={count}");
        if (repaired == null)
            findings.Corruptions++;
        else
            Repair(new L2Slice(table.Span, geometry.HasSubclusters), index);
    }

    private void Repair(L2Slice entries, int index)
    {
        entries[index] = entries[index] with { Descriptor = entries[index].Descriptor ^ L2Entry.CopiedFlag };
        repairs.Add(index);
    }

    private async ValueTask WriteRepairsAsync(IoMemory table)
    {
        var start = repairs[0] * geometry.L2EntryLength & -SectorLength;
        var end = (repairs[^1] * geometry.L2EntryLength & -SectorLength) + SectorLength;
        repaired!.Announce(FileSteps.L2Update);
        await repaired.WriteAsync(tableOffset + start, table.Slice(start, end - start));
        findings.CorruptionsFixed += repairs.Count;
        repairs.Clear();
    }

    private async ValueTask RepairL1Async(long index, ulong entry)
    {
        using var buffer = repaired!.Buffers.Rent(L1Table.EntryLength);
        BinaryPrimitives.WriteUInt64BigEndian(buffer.Span, entry);
        repaired.Announce(FileSteps.L1Update);
        await repaired.WriteAsync(header.L1Offset + (index * L1Table.EntryLength), buffer.Memory.Slice(0, L1Table.EntryLength));
        findings.CorruptionsFixed++;
    }
}
