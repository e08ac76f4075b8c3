using System.Buffers.Binary;

namespace BlockUring.Simulation.Images.Qcow2;

/// <summary>Damages a field of an image's header, or one of its extensions, so that what follows from it is reached.</summary>
internal static class HostileHeader
{
    private const int Version3Length = 112;

    private static readonly (int Offset, int Width)[] Fields =
    [
        (0, 4), (4, 4), (8, 8), (16, 4), (20, 4), (24, 8), (32, 4), (36, 4), (40, 8), (48, 8), (56, 4), (60, 4), (64, 8), (72, 8), (80, 8), (88, 8),
        (96, 4), (100, 4), (104, 1),
    ];

    private static readonly ulong[] Interesting =
    [
        0, 1, 2, 511, 512, 1023, 65535, 65536, 0x1fffff, 0x200000, 0x7fffffff, 0x80000000, 0xffffffff, 1ul << 32, (1ul << 56) - 512, 1ul << 56, 1ul << 62,
        1ul << 63, long.MaxValue, ulong.MaxValue, ulong.MaxValue - 65535,
    ];

    private static readonly uint[] ExtensionTypes = [0, 0xe2792aca, 0x6803f857, 0x0537be77, 0x23852875, 0x44415441, 0x12345678];

    /// <summary>Changes one field.</summary>
    public static void Damage(byte[] image, Random random)
    {
        var extensions = Extensions(image);
        if (extensions.Count > 0 && random.Next(3) == 0)
            DamageExtension(image, extensions[random.Next(extensions.Count)], random);
        else
            DamageField(image, random);
    }

    private static void DamageField(byte[] image, Random random)
    {
        var (offset, width) = Fields[random.Next(Fields.Length)];
        Span<byte> word = stackalloc byte[8];
        word.Clear();
        image.AsSpan(offset, width).CopyTo(word[(8 - width)..]);
        BinaryPrimitives.WriteUInt64BigEndian(word, NewValue(BinaryPrimitives.ReadUInt64BigEndian(word), 8 * width, image.Length, random));
        word[(8 - width)..].CopyTo(image.AsSpan(offset));
    }

    private static ulong NewValue(ulong value, int bits, int length, Random random) => random.Next(8) switch
    {
        0 => value + 1,
        1 => value - 1,
        2 => value << random.Next(1, 8),
        3 => value ^ (1ul << random.Next(bits)),
        4 => (ulong)random.NextInt64(length) & ~511ul,
        5 => (ulong)random.NextInt64(),
        _ => Interesting[random.Next(Interesting.Length)],
    };

    private static void DamageExtension(byte[] image, (int Offset, int Length) extension, Random random)
    {
        var (offset, length) = extension;
        switch (random.Next(4))
        {
            case 0:
                BinaryPrimitives.WriteUInt32BigEndian(image.AsSpan(offset), ExtensionTypes[random.Next(ExtensionTypes.Length)]);
                break;
            case 1:
                BinaryPrimitives.WriteUInt32BigEndian(image.AsSpan(offset + 4), (uint)NewValue((uint)length, 32, image.Length, random));
                break;
            default:
                image[offset + 8 + random.Next(Math.Max(1, length))] = (byte)random.Next(256);
                break;
        }
    }

    private static List<(int Offset, int Length)> Extensions(byte[] image)
    {
        List<(int, int)> found = [];
        if (BinaryPrimitives.ReadUInt32BigEndian(image.AsSpan(4)) < 3)
            return found;
        for (var at = Version3Length; at + 16 < Math.Min(image.Length, 4096);)
        {
            var length = (int)(BinaryPrimitives.ReadUInt32BigEndian(image.AsSpan(at + 4)) & 0xfff);
            if (BinaryPrimitives.ReadUInt32BigEndian(image.AsSpan(at)) == 0 || at + 8 + length >= image.Length)
                break;
            found.Add((at, length));
            at += 8 + ((length + 7) & ~7);
        }

        return found;
    }
}
