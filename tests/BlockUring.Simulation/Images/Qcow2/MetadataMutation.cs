using System.Buffers.Binary;

namespace BlockUring.Simulation.Images.Qcow2;

/// <summary>Knows where the metadata of a sound image is, and damages some of it.</summary>
internal sealed class MetadataMutation
{
    private const ulong OffsetMask = 0x00fffffffffffe00;

    private readonly byte[] image;
    private readonly int clusterLength;
    private readonly List<(string What, long Start, int Length)> regions = [];

    public MetadataMutation(byte[] image)
    {
        this.image = image;
        clusterLength = 1 << (int)U32(20);
        AddL1("L1", (long)U64(40), (int)U32(36));
        var tableLength = (int)U32(56) * clusterLength;
        Add("refcount table", (long)U64(48), Math.Min(tableLength, 64));
        for (var i = 0; i < tableLength; i += 8)
            Add("refcount block", (long)U64((long)U64(48) + i), clusterLength);
        AddSnapshots();
        AddBitmaps();
    }

    /// <summary>A damaged copy.</summary>
    public (byte[] Image, string What) Damage(Random random)
    {
        var copy = (byte[])image.Clone();
        List<string> what = [];
        for (var i = random.Next(4) == 0 ? random.Next(2, 6) : 1; i > 0; i--)
        {
            // Kinds of metadata are equally likely, whatever their length.
            var kinds = regions.Select(r => r.What).Distinct().ToList();
            var kind = kinds[random.Next(kinds.Count)];
            var candidates = regions.Where(r => r.What == kind).ToList();
            var (_, start, length) = candidates[random.Next(candidates.Count)];
            what.Add($"{kind} at {start}: {DamageOne(copy, random, start, UsedLength(start, length, random))}");
        }

        if (random.Next(12) == 0)
        {
            var length = copy.Length - random.Next(1, Math.Min(copy.Length / 2, 4 * clusterLength));
            Array.Resize(ref copy, length);
            what.Add($"cut to {length}");
        }

        return (copy, string.Join("; ", what));
    }

    private static string DamageOne(byte[] copy, Random random, long start, int length)
    {
        var at = start + (random.Next(length) & -8);
        if (at + 8 > copy.Length)
            return "nothing";
        var word = copy.AsSpan((int)at, 8);
        var value = BinaryPrimitives.ReadUInt64BigEndian(word);
        var other = start + (random.Next(length) & -8);
        var otherValue = other + 8 <= copy.Length ? BinaryPrimitives.ReadUInt64BigEndian(copy.AsSpan((int)other, 8)) : 0;
        var damaged = random.Next(12) switch
        {
            0 => 0ul,
            1 => value ^ (1ul << 63),
            2 => value ^ (1ul << 62),
            3 => value ^ 1,
            4 => value + 512,
            5 => otherValue,
            6 => value ^ (0xfful << (8 * random.Next(8))),
            7 => (ulong)random.NextInt64(copy.Length),
            8 => (value & ~OffsetMask) | ((ulong)random.NextInt64(copy.Length) & OffsetMask),
            _ => value ^ (1ul << random.Next(64)),
        };
        BinaryPrimitives.WriteUInt64BigEndian(word, damaged);
        return $"{value:x} at {at} becomes {damaged:x}";
    }

    /// <summary>Mostly the part of a table that is in use.</summary>
    private int UsedLength(long start, int length, Random random)
    {
        length = (int)Math.Min(length, image.Length - start);
        var used = image.AsSpan((int)start, length).LastIndexOfAnyExcept((byte)0) + 1;
        return Math.Max(8, random.Next(5) == 0 ? length : (used + 7) & -8);
    }

    private void AddL1(string name, long start, int count)
    {
        Add(name, start, count * 8);
        for (var i = 0; i < count; i++)
            Add(name == "L1" ? "L2" : "snapshot's L2", (long)(U64(start + (i * 8)) & OffsetMask), clusterLength);
    }

    private void AddSnapshots()
    {
        var at = (long)U64(64);
        for (var i = U32(60); i > 0; i--)
        {
            at = (at + 7) & ~7;
            var length = 40 + (int)U32(at + 36) + BinaryPrimitives.ReadUInt16BigEndian(image.AsSpan((int)at + 12))
                + BinaryPrimitives.ReadUInt16BigEndian(image.AsSpan((int)at + 14));
            AddL1("snapshot's L1", (long)U64(at), (int)U32(at + 8));
            Add("snapshot table", at, length);
            at += length;
        }
    }

    private void AddBitmaps()
    {
        if (U32(4) < 3)
            return;
        for (var at = (long)U32(100); U32(at) != 0 && at < clusterLength - 8; at += 8 + ((U32(at + 4) + 7) & ~7u))
        {
            if (U32(at) != 0x23852875)
                continue;
            var directory = (long)U64(at + 24);
            var length = (int)U64(at + 16);
            Add("bitmap directory", directory, length);
            for (var entry = directory; entry < directory + length;)
            {
                Add("bitmap table", (long)U64(entry), (int)U32(entry + 8) * 8);
                entry += (24 + BinaryPrimitives.ReadUInt16BigEndian(image.AsSpan((int)entry + 18)) + 7) & ~7;
            }
        }
    }

    private void Add(string what, long start, int length)
    {
        if (start > 0 && start < image.Length && length >= 8)
            regions.Add((what, start, length));
    }

    private uint U32(long at) => at + 4 <= image.Length ? BinaryPrimitives.ReadUInt32BigEndian(image.AsSpan((int)at)) : 0;

    private ulong U64(long at) => at + 8 <= image.Length ? BinaryPrimitives.ReadUInt64BigEndian(image.AsSpan((int)at)) : 0;
}
