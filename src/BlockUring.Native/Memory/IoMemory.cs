namespace BlockUring.Native.Memory;

/// <summary>
/// A part of an <see cref="IoBuffer"/>: what reads and writes take. It borrows; it does not own and does not return the buffer.
/// </summary>
public readonly unsafe struct IoMemory
{
    internal IoMemory(IoBuffer buffer, int offset, int length)
    {
        Buffer = buffer;
        Offset = offset;
        Length = length;
    }

    /// <summary>The buffer this is a part of.</summary>
    public IoBuffer Buffer { get; }

    /// <summary>First byte, counted from the start of <see cref="Buffer"/>.</summary>
    public int Offset { get; }

    /// <summary>Number of bytes, 0 or more.</summary>
    public int Length { get; }

    /// <summary>The bytes.</summary>
    public Span<byte> Span => Length == 0 ? default : Buffer.Span.Slice(Offset, Length);

    internal byte* Address => Buffer.Address + Offset;

    /// <summary>Whether the first byte lies on a multiple of <paramref name="alignment"/> (a power of two) in memory.</summary>
    public bool IsAligned(int alignment) => ((nint)Address & (alignment - 1)) == 0;

    /// <summary>The part from <paramref name="start"/> (bytes) to the end.</summary>
    public IoMemory Slice(int start) => Slice(start, Length - start);

    /// <summary>The part of <paramref name="length"/> bytes from <paramref name="start"/>.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The part is not inside this one.</exception>
    public IoMemory Slice(int start, int length)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan((uint)start, (uint)Length);
        ArgumentOutOfRangeException.ThrowIfGreaterThan((uint)length, (uint)(Length - start));
        return new IoMemory(Buffer, Offset + start, length);
    }
}
