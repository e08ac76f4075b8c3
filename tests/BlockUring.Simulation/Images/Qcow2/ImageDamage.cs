using System.Buffers.Binary;
using BlockUring.Images.Qcow2;
using BlockUring.Storage;

namespace BlockUring.Simulation.Images.Qcow2;

/// <summary>Damages the metadata of a sound image so that a repair can make all of it right without loss.</summary>
internal sealed class ImageDamage
{
    private const int EntryLength = 8;

    private readonly MemoryFile file;
    private readonly Random random;
    private readonly Qcow2Header header;
    private readonly Qcow2Geometry geometry;
    private readonly long block;

    private ImageDamage(MemoryFile file, Random random)
    {
        this.file = file;
        this.random = random;
        var head = new byte[65536];
        file.Read(0, head);
        header = Qcow2HeaderParser.Parse(head);
        geometry = header.Geometry;
        block = (long)Read64(header.RefcountTableOffset);
    }

    /// <summary>Damages an image.</summary>
    /// <returns>What was done.</returns>
    public static string Do(MemoryFile file, Random random)
    {
        var damage = new ImageDamage(file, random);
        var done = new List<string>();
        for (var i = random.Next(1, 6); i > 0; i--)
        {
            done.Add(random.Next(5) switch
            {
                0 or 1 => damage.ChangeRefcount(),
                2 => damage.FlipL1Flag(),
                3 => damage.FlipL2Flag(),
                _ => damage.ChangeTable(),
            });
        }

        if (damage.header.Version == 3 && random.Next(2) == 0)
            done.Add(damage.Mark());
        return string.Join("; ", done);
    }

    private string ChangeRefcount()
    {
        var bytes = new byte[geometry.ClusterLength];
        file.Read(block, bytes);
        var count = (int)Math.Min(geometry.ClustersFor(file.Length), 1L << geometry.RefcountBlockBits);
        var cluster = random.Next(count);
        var max = RefcountEntries.Max(geometry.RefcountOrder);
        var value = Math.Min(max, (ulong)random.Next(4));
        RefcountEntries.Set(bytes, geometry.RefcountOrder, cluster, value);
        file.Write(block, bytes);
        return $"refcount of {cluster} becomes {value}";
    }

    private string FlipL1Flag()
    {
        var at = header.L1Offset + (random.Next(Math.Max(1, header.L1Count)) * EntryLength);
        var entry = Read64(at);
        if ((entry & L1Table.OffsetMask) == 0 || header.L1Count == 0)
            return "nothing";
        Write64(at, entry ^ L1Table.CopiedFlag);
        return $"flag at {at}";
    }

    private string FlipL2Flag()
    {
        var table = (long)(Read64(header.L1Offset) & L1Table.OffsetMask);
        if (header.L1Count == 0 || table == 0)
            return "nothing";
        var at = table + (random.Next(geometry.ClusterLength / geometry.L2EntryLength) * (long)geometry.L2EntryLength);
        var entry = new L2Entry(Read64(at));

        // Why not of a data file: there the flag tells a cluster at offset 0 from none.
        if (entry.HostOffset == 0 || entry.IsCompressed || header.HasDataFile)
            return "nothing";
        Write64(at, entry.Descriptor ^ L2Entry.CopiedFlag);
        return $"flag at {at}";
    }

    private string ChangeTable()
    {
        var at = header.RefcountTableOffset + (random.Next(4) * EntryLength);
        var entry = random.Next(5) switch
        {
            0 => 0ul,
            1 => Read64(at) | 0x10,
            2 => Read64(at) + 512,
            3 => (ulong)geometry.RoundUpToCluster(file.Length + (4L << geometry.ClusterBits)),
            _ => (ulong)(random.NextInt64(file.Length) & -(long)geometry.ClusterLength),
        };
        Write64(at, entry);
        return $"refcount table at {at} becomes {entry:x}";
    }

    private string Mark()
    {
        var marks = random.Next(2) == 0 ? IncompatibleFeatures.Dirty : IncompatibleFeatures.Corrupt;
        Write64(Qcow2Header.IncompatibleOffset, (ulong)(header.Incompatible | marks));
        return $"{marks}";
    }

    private ulong Read64(long offset)
    {
        Span<byte> bytes = stackalloc byte[EntryLength];
        file.Read(offset, bytes);
        return BinaryPrimitives.ReadUInt64BigEndian(bytes);
    }

    private void Write64(long offset, ulong value)
    {
        Span<byte> bytes = stackalloc byte[EntryLength];
        BinaryPrimitives.WriteUInt64BigEndian(bytes, value);
        file.Write(offset, bytes);
    }
}
