using System.Buffers.Binary;
using BlockUring.Images.Qcow2;
using BlockUring.Simulation.Storage;
using BlockUring.Storage;

namespace BlockUring.Simulation.Images.Qcow2;

/// <summary>
/// A checker of its own, by the specification alone: walks every table, counts references and compares them with the refcounts.
/// </summary>
internal sealed class ImageCheck
{
    private readonly MemoryFile file;
    private readonly Qcow2Header header;
    private readonly Qcow2Geometry geometry;
    private readonly Dictionary<long, ulong> references = [];
    private readonly Dictionary<long, ulong> refcounts = [];
    private readonly List<(string What, long Cluster, bool IsCopied)> flags = [];

    private ImageCheck(MemoryFile file)
    {
        this.file = file;
        var head = new byte[65536];
        file.Read(0, head);
        header = Qcow2HeaderParser.Parse(head);
        geometry = header.Geometry;
    }

    /// <summary>What would corrupt or lose data: refcounts too low, flags that lie, tables out of place.</summary>
    public List<string> Errors { get; } = [];

    /// <summary>Clusters counted more often than they are referred to.</summary>
    public List<string> Leaks { get; } = [];

    public static ImageCheck Of(MemoryFile file)
    {
        var check = new ImageCheck(file);
        check.Run();
        return check;
    }

    private void Run()
    {
        Refer("header", 0, 1);
        Refer("refcount table", header.RefcountTableOffset, (long)header.RefcountTableClusters << geometry.ClusterBits);
        ReadRefcounts();
        if (header.Encryption is { } keys)
            Refer("keys", keys.Offset, keys.Length);
        WalkL1("active", header.L1Offset, header.L1Count, isActive: true);
        WalkSnapshots();
        WalkBitmaps();
        Compare();
    }

    private void ReadRefcounts()
    {
        var count = ((long)header.RefcountTableClusters << geometry.ClusterBits) / 8;
        var block = new byte[geometry.ClusterLength];
        for (long i = 0; i < count; i++)
        {
            var offset = (long)Read64(header.RefcountTableOffset + (i * 8));
            if (offset == 0)
                continue;
            Refer($"refcount block {i}", offset, 1);
            file.Read(offset, block);
            var first = i << geometry.RefcountBlockBits;
            for (var index = 0; index < 1 << geometry.RefcountBlockBits; index++)
            {
                var refcount = RefcountEntries.Get(block, geometry.RefcountOrder, index);
                if (refcount != 0)
                    refcounts[first + index] = refcount;
            }
        }
    }

    private void WalkSnapshots()
    {
        var snapshots = SnapshotTable.ReadAsync(file, header).Now();
        var length = 0L;
        foreach (var snapshot in snapshots)
        {
            WalkL1($"snapshot {snapshot.Id}", (long)snapshot.L1Offset, (int)snapshot.L1Count, isActive: false);
            length += (Qcow2Snapshot.FixedLength + snapshot.ExtraLength + snapshot.Id.Length + snapshot.Name.Length + 7) & ~7;
        }

        if (snapshots.Count > 0)
            Refer("snapshot table", header.SnapshotTableOffset, length);
    }

    private void WalkBitmaps()
    {
        if (header.Bitmaps is not { } directory)
            return;
        Refer("bitmap directory", directory.DirectoryOffset, directory.DirectoryLength);
        foreach (var bitmap in BitmapDirectory.ReadAsync(file, header, header.GuestLength & ~511L).Now())
        {
            Refer($"bitmap {bitmap.Name}", (long)bitmap.TableOffset, bitmap.TableCount * 8L);
            for (var i = 0; i < bitmap.TableCount; i++)
            {
                var entry = Read64((long)bitmap.TableOffset + (i * 8L));
                if (entry > 1)
                    Refer($"bitmap {bitmap.Name} {i}", (long)entry, 1);
            }
        }
    }

    private void WalkL1(string what, long offset, int count, bool isActive)
    {
        Refer($"{what} L1 table", offset, count * 8L);
        for (var i = 0; i < count; i++)
        {
            var entry = Read64(offset + (i * 8));
            var l2Offset = (long)(entry & L1Table.OffsetMask);
            if (l2Offset == 0)
                continue;
            Refer($"{what} L2 table {i}", l2Offset, 1);
            if (isActive)
                flags.Add(($"{what} L2 table {i}", l2Offset >> geometry.ClusterBits, (entry & L1Table.CopiedFlag) != 0));
            if (geometry.OffsetInCluster(l2Offset) == 0)
                WalkL2($"{what} L1 {i}", l2Offset, isActive);
        }
    }

    private void WalkL2(string what, long offset, bool isActive)
    {
        var table = new byte[geometry.ClusterLength];
        file.Read(offset, table);
        var entries = new L2Slice(table, geometry.HasSubclusters);
        for (var i = 0; i < entries.Count; i++)
        {
            var entry = entries[i];
            if (entry.IsCompressed)
            {
                var place = CompressedDescriptor.Decode(entry.Descriptor, geometry.ClusterBits);
                Refer($"{what} L2 {i} compressed", place.HostOffset & -(long)geometry.ClusterLength, (place.HostOffset & (geometry.ClusterLength - 1)) + place.Length);
                continue;
            }

            if (entry.HostOffset == 0 || header.HasDataFile)
                continue;
            Refer($"{what} L2 {i}", entry.HostOffset, 1);
            if (isActive)
                flags.Add(($"{what} L2 {i}", entry.HostOffset >> geometry.ClusterBits, entry.IsCopied));
        }
    }

    private void Refer(string what, long offset, long length)
    {
        if (geometry.OffsetInCluster(offset) != 0)
        {
            Errors.Add($"{what}: offset 0x{offset:x} is not aligned");
            return;
        }

        for (var cluster = offset >> geometry.ClusterBits; cluster <= (offset + length - 1) >> geometry.ClusterBits; cluster++)
            references[cluster] = references.GetValueOrDefault(cluster) + 1;
    }

    private void Compare()
    {
        foreach (var (cluster, count) in references)
        {
            var refcount = refcounts.GetValueOrDefault(cluster);
            if (refcount < count)
                Errors.Add($"cluster {cluster}: {count} references, refcount {refcount}");
        }

        foreach (var (cluster, refcount) in refcounts)
        {
            var count = references.GetValueOrDefault(cluster);
            if (refcount > count)
                Leaks.Add($"cluster {cluster}: {count} references, refcount {refcount}");
        }

        foreach (var (what, cluster, isCopied) in flags)
        {
            if (isCopied != (refcounts.GetValueOrDefault(cluster) == 1))
                Errors.Add($"{what}: copied flag {isCopied}, refcount {refcounts.GetValueOrDefault(cluster)}");
        }
    }

    private ulong Read64(long offset)
    {
        Span<byte> bytes = stackalloc byte[8];
        file.Read(offset, bytes);
        return BinaryPrimitives.ReadUInt64BigEndian(bytes);
    }
}
