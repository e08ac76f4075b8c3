namespace BlockUring.Qmp.Channels;

/// <summary>The last bytes that were written, up to a number of them: what is written beyond that pushes the oldest out.</summary>
internal sealed class RingBytes
{
    private readonly byte[] bytes;
    private int start;

    /// <summary>Makes an empty one.</summary>
    /// <param name="capacity">How many bytes it keeps, 1 or more.</param>
    public RingBytes(int capacity) => bytes = new byte[capacity];

    /// <summary>Bytes that are there to be read.</summary>
    public int Count { get; private set; }

    /// <summary>Adds bytes; the oldest go where there is no room.</summary>
    public void Write(ReadOnlySpan<byte> added)
    {
        if (added.Length > bytes.Length)
            added = added[^bytes.Length..];
        var lost = Math.Max(0, Count + added.Length - bytes.Length);
        Skip(lost);
        var end = (int)(((long)start + Count) % bytes.Length);
        var first = Math.Min(added.Length, bytes.Length - end);
        added[..first].CopyTo(bytes.AsSpan(end));
        added[first..].CopyTo(bytes);
        Count += added.Length;
    }

    /// <summary>The oldest bytes, which stay.</summary>
    /// <param name="maxCount">How many at most, 0 or more.</param>
    public byte[] Peek(long maxCount)
    {
        var found = new byte[Math.Min(maxCount, Count)];
        var first = Math.Min(found.Length, bytes.Length - start);
        bytes.AsSpan(start, first).CopyTo(found);
        bytes.AsSpan(0, found.Length - first).CopyTo(found.AsSpan(first));
        return found;
    }

    /// <summary>Takes the oldest bytes out.</summary>
    /// <param name="count">How many; as many are there.</param>
    public void Skip(int count)
    {
        start = (int)(((long)start + count) % bytes.Length);
        Count -= count;
    }
}
