namespace BlockUring.Simulation.Jobs.Backup;

/// <summary>What a disk held at some moment, as far as it is known.</summary>
internal sealed record DiskContent(byte[] Bytes, bool[] Unknown)
{
    /// <summary>The first byte of a range that is not what it was; -1 when all are.</summary>
    public long FirstDifference(long offset, ReadOnlySpan<byte> actual)
    {
        var at = 0;
        while (true)
        {
            at += actual[at..].CommonPrefixLength(Bytes.AsSpan((int)offset + at, actual.Length - at));
            if (at == actual.Length)
                return -1;
            if (!Unknown[offset + at])
                return offset + at;
            at++;
        }
    }

    /// <summary>Whether a range of the disk is as it was.</summary>
    public bool Holds(long offset, ReadOnlySpan<byte> actual) => FirstDifference(offset, actual) < 0;
}
