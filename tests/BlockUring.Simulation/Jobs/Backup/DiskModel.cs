namespace BlockUring.Simulation.Jobs.Backup;

/// <summary>
/// What a disk must read as while several write to it, no two at once to the same bytes: known bytes, and those whose last write failed or took
/// their content away. Also what was written since some moment, for certain and perhaps.
/// </summary>
internal sealed class DiskModel
{
    private readonly byte[] content;
    private readonly bool[] unknown;
    private readonly List<(long Start, long End)> inFlight = [];

    public DiskModel(byte[] content)
    {
        this.content = content;
        unknown = new bool[content.Length];
        Surely = new bool[content.Length];
        Perhaps = new bool[content.Length];
    }

    public long Length => content.Length;

    /// <summary>Writes that are going on.</summary>
    public int InFlightCount => inFlight.Count;

    /// <summary>Writes that have ended so far.</summary>
    public int EndedCount { get; private set; }

    /// <summary>Bytes that were written since <see cref="ForgetWritten"/>.</summary>
    public bool[] Surely { get; private set; }

    /// <summary>Those, and bytes whose write failed.</summary>
    public bool[] Perhaps { get; private set; }

    public bool Overlaps(long start, long end) => inFlight.Exists(w => w.Start < end && start < w.End);

    public void Begin(long start, long end) => inFlight.Add((start, end));

    /// <summary>A write has succeeded.</summary>
    /// <param name="start">First byte.</param>
    /// <param name="bytes">What it reads as now; null when that is not known.</param>
    /// <param name="end">One past the last byte.</param>
    public void Succeed(long start, byte[]? bytes, long end)
    {
        End(start, end);
        bytes?.CopyTo(content, start);
        unknown.AsSpan((int)start, (int)(end - start)).Fill(bytes == null);
        Surely.AsSpan((int)start, (int)(end - start)).Fill(true);
        Perhaps.AsSpan((int)start, (int)(end - start)).Fill(true);
    }

    /// <summary>A write has failed: any of its bytes may be there.</summary>
    public void Fail(long start, long end)
    {
        End(start, end);
        unknown.AsSpan((int)start, (int)(end - start)).Fill(true);
        Perhaps.AsSpan((int)start, (int)(end - start)).Fill(true);
    }

    /// <summary>A read has ended.</summary>
    public void Pass(long start, long end) => inFlight.Remove((start, end));

    /// <summary>What it holds now; goes on changing.</summary>
    public DiskContent Now => new(content, unknown);

    public DiskContent Capture() => new([.. content], [.. unknown]);

    public void ForgetWritten() => (Surely, Perhaps) = (new bool[content.Length], new bool[content.Length]);

    private void End(long start, long end)
    {
        inFlight.Remove((start, end));
        EndedCount++;
    }
}
