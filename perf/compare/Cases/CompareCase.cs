namespace BlockUring.Compare.Cases;

/// <summary>One thing to do with one source image.</summary>
internal sealed record CompareCase
{
    /// <summary>Name in tables and for <c>--case</c>.</summary>
    public required string Name { get; init; }

    public required SourceKind Source { get; init; }

    /// <summary>Format of the target, or null when the case writes nothing (<c>info</c>).</summary>
    public string? TargetFormat { get; init; }

    /// <summary>Options of convert that belong to the case, such as <c>-c</c>.</summary>
    public IReadOnlyList<string> Arguments { get; init; } = [];

    public required Target DiskTarget { get; init; }

    public required Target RamTarget { get; init; }

    /// <summary>No guest data is copied: system calls are not divided by guest bytes.</summary>
    public bool IsWithoutData { get; init; }

    /// <summary>Why the case has no place on block devices, or null.</summary>
    public string? NotOnBlockDevices { get; init; }

    /// <summary>The job of a storage daemon, driven over QMP, that it is; null for a command of its own.</summary>
    public string? Job { get; init; }

    /// <summary>The small requests that it is; null for a command that copies, or a job.</summary>
    public BenchWork? Bench { get; init; }

    /// <summary>nbdcopy can do the same job.</summary>
    public bool NbdcopyCan { get; init; }
}
