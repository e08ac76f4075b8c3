using System.Buffers.Binary;
using BlockUring.Images.Qcow2;
using BlockUring.Simulation.Storage;
using BlockUring.Storage;

namespace BlockUring.Simulation.Images.Qcow2;

/// <summary>Changes to an image in memory that our engine does not make.</summary>
internal static class ImageSurgery
{
    /// <summary>Takes an internal snapshot. Returns false, and leaves the image as it was, where the refcounts have no room for that.</summary>
    public static bool TryTakeSnapshot(MemoryFile file)
    {
        var head = new byte[65536];
        file.Read(0, head);
        var header = Qcow2HeaderParser.Parse(head);
        var geometry = header.Geometry;
        var copy = SimulatedFile.Copy(file);
        if (!Take(copy, header, geometry))
            return false;
        var bytes = new byte[copy.Length];
        copy.Read(0, bytes);
        file.Write(0, bytes);
        return true;
    }

    private static bool Take(MemoryFile file, Qcow2Header header, Qcow2Geometry geometry)
    {
        using var refcounts = RefcountTable.ReadAsync(file, header, geometry, 1 << 20).Now();
        var max = RefcountEntries.Max(geometry.RefcountOrder);
        for (var i = 0; i < header.L1Count; i++)
        {
            var at = header.L1Offset + (i * 8L);
            var entry = Read64(file, at);
            var l2Offset = (long)(entry & L1Table.OffsetMask);
            if (l2Offset == 0)
                continue;
            Write64(file, at, entry & ~L1Table.CopiedFlag);
            if (!Share(file, refcounts, geometry, l2Offset, max))
                return false;
        }

        var l1Bytes = header.L1Count * 8;
        var run = TakeRow(file, refcounts, geometry, (int)geometry.ClustersFor(l1Bytes) + 1);
        if (run < 0)
            return false;
        var l1 = new byte[l1Bytes];
        file.Read(header.L1Offset, l1);
        file.Write(run, l1);
        var table = run + geometry.RoundUpToCluster(l1Bytes);
        var snapshot = new byte[64];
        BinaryPrimitives.WriteInt64BigEndian(snapshot, run);
        BinaryPrimitives.WriteInt32BigEndian(snapshot.AsSpan(8), header.L1Count);
        BinaryPrimitives.WriteInt16BigEndian(snapshot.AsSpan(12), 1);
        BinaryPrimitives.WriteInt16BigEndian(snapshot.AsSpan(14), 1);
        BinaryPrimitives.WriteInt32BigEndian(snapshot.AsSpan(36), 16);
        BinaryPrimitives.WriteInt64BigEndian(snapshot.AsSpan(48), header.GuestLength);
        snapshot[56] = (byte)'1';
        snapshot[57] = (byte)'s';
        file.Write(table, snapshot);
        Span<byte> count = [0, 0, 0, 1];
        file.Write(60, count);
        Write64(file, 64, (ulong)table);
        refcounts.Blocks.WriteBackAsync().Now();
        file.SetLengthAsync(geometry.RoundUpToCluster(file.Length)).Now();
        return true;
    }

    private static bool Share(MemoryFile file, RefcountTable refcounts, Qcow2Geometry geometry, long l2Offset, ulong max)
    {
        if (!AddReference(refcounts, geometry, l2Offset, max))
            return false;
        var table = new byte[geometry.ClusterLength];
        file.Read(l2Offset, table);
        var entries = new L2Slice(table, geometry.HasSubclusters);
        for (var i = 0; i < entries.Count; i++)
        {
            var entry = entries[i];
            if (entry.IsCompressed)
            {
                var place = CompressedDescriptor.Decode(entry.Descriptor, geometry.ClusterBits);
                for (var at = place.HostOffset & -(long)geometry.ClusterLength; at < place.HostOffset + place.Length; at += geometry.ClusterLength)
                {
                    if (!AddReference(refcounts, geometry, at, max))
                        return false;
                }
            }
            else if (entry.HostOffset != 0)
            {
                if (!AddReference(refcounts, geometry, entry.HostOffset, max))
                    return false;
                entries[i] = entry with { Descriptor = entry.Descriptor & ~L2Entry.CopiedFlag };
            }
        }

        file.Write(l2Offset, table);
        return true;
    }

    private static bool AddReference(RefcountTable refcounts, Qcow2Geometry geometry, long offset, ulong max)
    {
        var cluster = offset >> geometry.ClusterBits;
        return refcounts.GetAsync(cluster).Now() < max && refcounts.AddAsync(cluster, 1).Now() != null;
    }

    // Clusters at the end of the file, where blocks count them already; -1 otherwise.
    private static long TakeRow(MemoryFile file, RefcountTable refcounts, Qcow2Geometry geometry, int count)
    {
        var first = geometry.ClustersFor(file.Length);
        for (var cluster = first; cluster < first + count; cluster++)
        {
            if (refcounts.AddAsync(cluster, 1).Now() != 1)
                return -1;
        }

        return first << geometry.ClusterBits;
    }

    private static ulong Read64(MemoryFile file, long offset)
    {
        Span<byte> bytes = stackalloc byte[8];
        file.Read(offset, bytes);
        return BinaryPrimitives.ReadUInt64BigEndian(bytes);
    }

    private static void Write64(MemoryFile file, long offset, ulong value)
    {
        Span<byte> bytes = stackalloc byte[8];
        BinaryPrimitives.WriteUInt64BigEndian(bytes, value);
        file.Write(offset, bytes);
    }
}
