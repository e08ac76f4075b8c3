namespace BlockUring.Jobs;

/// <summary>What every job is started with.</summary>
/// <param name="Id">Names it: a letter, then letters, digits, '-', '.' and '_'. Checked when it is added to the <see cref="JobList"/>.</param>
public sealed record JobSettings(string Id)
{
    /// <summary>Whether its result becomes final by itself; else it waits for finalize.</summary>
    public bool AutoFinalize { get; init; } = true;

    /// <summary>Whether it is forgotten when it has concluded; else it waits for dismiss.</summary>
    public bool AutoDismiss { get; init; } = true;

    /// <summary>Bytes a second, 0 for as fast as it goes. Block jobs only.</summary>
    public long Speed { get; init; }
}
