using System.Runtime.CompilerServices;

namespace BlockUring.Images.Qcow2;

/// <summary>What a check has found so far, and the lines that say so.</summary>
internal sealed class CheckFindings
{
    /// <summary>
    /// Problems beyond this many are counted, but get no line of their own. Why: a hostile image of a few MiB can have billions of them.
    /// </summary>
    public const long MaxLines = 1_000_000;

    private readonly Action<string>? report;
    private long lineCount;

    /// <summary>Starts with nothing found.</summary>
    /// <param name="report">Receives the lines; null when only the counts matter.</param>
    public CheckFindings(Action<string>? report) => this.report = report;

    public long Corruptions { get; set; }

    public long Leaks { get; set; }

    public long CheckErrors { get; set; }

    public long CorruptionsFixed { get; set; }

    public long LeaksFixed { get; set; }

    /// <summary>Whether the refcounts cannot be repaired where they are.</summary>
    public bool NeedsRebuild { get; set; }

    /// <summary>The counts so far; setting them forgets what was counted since.</summary>
    public CheckCounts Counts
    {
        get => new(CheckErrors, Corruptions, Leaks, CorruptionsFixed, LeaksFixed);
        set => (CheckErrors, Corruptions, Leaks, CorruptionsFixed, LeaksFixed) = value;
    }

    /// <summary>Whether lines are still written.</summary>
    public bool HasLinesLeft => report != null && lineCount < MaxLines;

    /// <summary>Whether one more line is to be written; the first one that is not is replaced by a line that says so.</summary>
    public bool WantsLine()
    {
        if (report == null || lineCount > MaxLines)
            return false;
        if (lineCount++ < MaxLines)
            return true;
        report($"{MaxLines} problems have been listed; further ones are counted, but not listed");
        return false;
    }

    /// <summary>A corruption with its line.</summary>
    public void Corrupt([InterpolatedStringHandlerArgument("")] ref CheckLine line)
    {
        Corruptions++;
        Report(ref line);
    }

    /// <summary>A line alone.</summary>
    public void Report([InterpolatedStringHandlerArgument("")] ref CheckLine line)
    {
        if (line.IsWanted)
            report!(line.Take());
    }
}
