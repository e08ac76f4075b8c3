using System.Buffers.Binary;
using System.Text;

namespace BlockUring.Nbd.Wire;

/// <summary>Puts big-endian integers and text into a span, one behind the other. A span that is too short is the caller's mistake.</summary>
/// <param name="target">Where.</param>
public ref struct WireWriter(Span<byte> target)
{
    private readonly Span<byte> target = target;

    /// <summary>Bytes written so far.</summary>
    public int Length { get; private set; }

    /// <summary>What is not written yet.</summary>
    public readonly Span<byte> Rest => target[Length..];

    /// <summary>Puts 16 bits.</summary>
    public void Write(ushort value)
    {
        BinaryPrimitives.WriteUInt16BigEndian(Rest, value);
        Length += sizeof(ushort);
    }

    /// <summary>Puts 32 bits.</summary>
    public void Write(uint value)
    {
        BinaryPrimitives.WriteUInt32BigEndian(Rest, value);
        Length += sizeof(uint);
    }

    /// <summary>Puts 64 bits.</summary>
    public void Write(ulong value)
    {
        BinaryPrimitives.WriteUInt64BigEndian(Rest, value);
        Length += sizeof(ulong);
    }

    /// <summary>Puts bytes.</summary>
    public void Write(ReadOnlySpan<byte> bytes)
    {
        bytes.CopyTo(Rest);
        Length += bytes.Length;
    }

    /// <summary>Puts text.</summary>
    public void WriteText(string text) => Length += Encoding.UTF8.GetBytes(text, Rest);

    /// <summary>Puts text behind its length in 32 bits.</summary>
    public void WriteLengthAndText(string text)
    {
        Write((uint)Encoding.UTF8.GetByteCount(text));
        WriteText(text);
    }

    /// <summary>Puts text behind its length in 16 bits.</summary>
    public void WriteShortLengthAndText(string text)
    {
        Write((ushort)Encoding.UTF8.GetByteCount(text));
        WriteText(text);
    }
}
