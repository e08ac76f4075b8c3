namespace BlockUring.NativeTests.Killed;

/// <summary>What a disk may hold after a sudden end: in every sector the last flushed bytes, or what was written there since.</summary>
internal sealed class GuestDiskModel
{
    private const int Sector = 512;

    private readonly byte[] flushed;
    private readonly Dictionary<int, List<byte>> since = [];

    /// <param name="content">What the disk holds durably.</param>
    public GuestDiskModel(byte[] content) => flushed = content;

    /// <summary>A write of one byte's repetition has begun; whole sectors.</summary>
    public void Write(int offset, int length, byte pattern)
    {
        for (var sector = offset / Sector; sector < (offset + length) / Sector; sector++)
        {
            if (!since.TryGetValue(sector, out var patterns))
                since[sector] = patterns = [];
            patterns.Add(pattern);
        }
    }

    /// <summary>All writes that have begun have ended, and a flush after them has, too.</summary>
    public void Flushed()
    {
        foreach (var (sector, patterns) in since)
            flushed.AsSpan(sector * Sector, Sector).Fill(patterns[^1]);
        since.Clear();
    }

    /// <summary>The first sector that holds something else, with what it holds; null when there is none.</summary>
    public string? FindLoss(ReadOnlySpan<byte> actual)
    {
        if (actual.Length != flushed.Length)
            return $"the disk has {actual.Length} bytes instead of {flushed.Length}";
        for (var sector = 0; sector < flushed.Length / Sector; sector++)
        {
            var found = actual.Slice(sector * Sector, Sector);
            if (found.SequenceEqual(flushed.AsSpan(sector * Sector, Sector)))
                continue;
            if (!since.TryGetValue(sector, out var patterns) || found.ContainsAnyExcept(found[0]) || !patterns.Contains(found[0]))
                return $"the sector at {sector * Sector} holds {found[0]}, {found[^1]} instead of {flushed[sector * Sector]}";
        }

        return null;
    }
}
