namespace BlockUring.Cli.Shell;

/// <summary>How fast a job gets on, from two looks at it.</summary>
/// <param name="Rate">Bytes a second that were done.</param>
/// <param name="DirtyRate">
/// Bytes a second that were added to what is to be done: what a guest writes while a mirror copies. 0 for a job whose work only becomes less.
/// </param>
internal readonly record struct JobRates(long Rate, long DirtyRate)
{
    /// <summary>Works them out.</summary>
    /// <param name="before">What was done, and what there was to do in all, at the first look, in bytes.</param>
    /// <param name="now">The same at the second one.</param>
    /// <param name="seconds">Between the two.</param>
    public static JobRates Between((long Done, long Total) before, (long Done, long Total) now, double seconds)
    {
        seconds = Math.Max(seconds, 1e-3);

        // Why: what is left grows by what becomes dirty, and goes down by what is done.
        var dirtied = now.Total - now.Done - (before.Total - before.Done) + (now.Done - before.Done);
        return new((long)(Math.Max(0, now.Done - before.Done) / seconds), (long)(Math.Max(0, dirtied) / seconds));
    }

    /// <summary>How long it takes until nothing is left; null when it does not come to that.</summary>
    public TimeSpan? TimeFor(long left) => Rate > DirtyRate ? TimeSpan.FromSeconds(left / (Rate - DirtyRate)) : null;
}
