using System.Buffers.Binary;
using System.Diagnostics.CodeAnalysis;
using System.Text;

namespace BlockUring.Nbd.Wire;

/// <summary>Takes big-endian integers and text off the front of a span. What is not there is answered with false, and nothing is taken.</summary>
/// <param name="source">A whole message, or the data of one.</param>
public ref struct WireReader(ReadOnlySpan<byte> source)
{
    private static readonly UTF8Encoding Strict = new(false, true);

    /// <summary>What is left.</summary>
    public ReadOnlySpan<byte> Rest { get; private set; } = source;

    /// <summary>Whether nothing is left.</summary>
    public readonly bool IsAtEnd => Rest.IsEmpty;

    /// <summary>Takes 16 bits.</summary>
    public bool TryRead(out ushort value)
    {
        var isThere = BinaryPrimitives.TryReadUInt16BigEndian(Rest, out value);
        Skip(isThere ? sizeof(ushort) : 0);
        return isThere;
    }

    /// <summary>Takes 32 bits.</summary>
    public bool TryRead(out uint value)
    {
        var isThere = BinaryPrimitives.TryReadUInt32BigEndian(Rest, out value);
        Skip(isThere ? sizeof(uint) : 0);
        return isThere;
    }

    /// <summary>Takes 64 bits.</summary>
    public bool TryRead(out ulong value)
    {
        var isThere = BinaryPrimitives.TryReadUInt64BigEndian(Rest, out value);
        Skip(isThere ? sizeof(ulong) : 0);
        return isThere;
    }

    /// <summary>Takes bytes.</summary>
    public bool TryReadBytes(uint length, out ReadOnlySpan<byte> bytes)
    {
        bytes = default;
        if (length > (uint)Rest.Length)
            return false;
        bytes = Rest[..(int)length];
        Skip((int)length);
        return true;
    }

    /// <summary>Takes text of a given length.</summary>
    /// <returns>False where the bytes are not there, are more than <see cref="NbdLimits.MaxStringBytes"/>, no UTF-8, or have a zero among them.</returns>
    public bool TryReadText(uint length, [NotNullWhen(true)] out string? text)
    {
        text = null;
        if (length > NbdLimits.MaxStringBytes || !TryReadBytes(length, out var bytes) || bytes.Contains((byte)0))
            return false;
        try
        {
            text = Strict.GetString(bytes);
            return true;
        }
        catch (DecoderFallbackException)
        {
            return false;
        }
    }

    /// <summary>Takes text behind its length in 32 bits; as <see cref="TryReadText"/>.</summary>
    public bool TryReadLengthAndText([NotNullWhen(true)] out string? text)
    {
        text = null;
        return TryRead(out uint length) && TryReadText(length, out text);
    }

    private void Skip(int count) => Rest = Rest[count..];
}
