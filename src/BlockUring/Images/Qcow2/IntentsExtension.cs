using System.Buffers.Binary;

namespace BlockUring.Images.Qcow2;

/// <summary>
/// Says that the image keeps a log of write intents (see <see cref="WriteIntents"/>); an extension of our own, which other programs keep and pass by.
/// <code>
///  0  4  log2 of the bytes of a region
///  4  4  reserved, 0
/// </code>
/// </summary>
/// <param name="RegionBits">Log2 of the guest bytes that one bit of the log stands for.</param>
internal sealed record IntentsExtension(int RegionBits)
{
    public const int Bytes = 8;
    public const int MinRegionBits = 16;
    public const int MaxRegionBits = 48;

    /// <summary>Reads it; null for one that is not as described here.</summary>
    public static IntentsExtension? Parse(ReadOnlySpan<byte> data)
    {
        if (data.Length != Bytes || BinaryPrimitives.ReadUInt32BigEndian(data[4..]) != 0)
            return null;
        var bits = BinaryPrimitives.ReadUInt32BigEndian(data);
        return bits is >= MinRegionBits and <= MaxRegionBits ? new IntentsExtension((int)bits) : null;
    }

    /// <summary>As the file has it.</summary>
    public void Write(Span<byte> data)
    {
        BinaryPrimitives.WriteInt32BigEndian(data, RegionBits);
        BinaryPrimitives.WriteInt32BigEndian(data[4..], 0);
    }
}
