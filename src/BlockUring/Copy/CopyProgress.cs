namespace BlockUring.Copy;

/// <summary>How far a copy is. Read from any thread; written by the copy's own.</summary>
public sealed class CopyProgress
{
    private long done;
    private long dataBytes;
    private long zeroBytes;

    /// <summary>Guest bytes of the whole copy.</summary>
    public long Total { get; internal set; }

    /// <summary>Guest bytes dealt with: copied, skipped or zeroed.</summary>
    public long Done => Volatile.Read(ref done);

    /// <summary>Bytes written as data.</summary>
    public long DataBytes => Volatile.Read(ref dataBytes);

    /// <summary>Bytes that were found to be zeroes.</summary>
    public long ZeroBytes => Volatile.Read(ref zeroBytes);

    internal void Add(long length, long data, long zero)
    {
        Volatile.Write(ref dataBytes, dataBytes + data);
        Volatile.Write(ref zeroBytes, zeroBytes + zero);
        Volatile.Write(ref done, done + length);
    }
}
