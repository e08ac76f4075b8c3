namespace BlockUring.Graph;

/// <summary>The options that every node has, whatever its driver.</summary>
public sealed record NodeSettings
{
    /// <summary>Whether writers are refused.</summary>
    public bool ReadOnly { get; init; }

    /// <summary>Whether a file that cannot be opened for writing is opened for reading instead.</summary>
    public bool AutoReadOnly { get; init; }

    /// <summary>Whether to pass the page cache by (O_DIRECT).</summary>
    public bool Direct { get; init; }

    /// <summary>Whether flushes do nothing.</summary>
    public bool NoFlush { get; init; }

    /// <summary>Whether other processes may do anything with the image; only with <see cref="ReadOnly"/>.</summary>
    public bool ForceShare { get; init; }

    /// <summary>Whether discards reach the storage; otherwise they do nothing.</summary>
    public bool Unmap { get; init; }

    /// <summary>Whether written zeroes are looked for.</summary>
    public DetectZeroes DetectZeroes { get; init; }
}
