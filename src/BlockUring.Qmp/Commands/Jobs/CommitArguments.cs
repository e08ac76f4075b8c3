namespace BlockUring.Qmp.Commands.Jobs;

/// <summary>Arguments of block-commit.</summary>
internal sealed record CommitArguments
{
    public required string Device { get; init; }

    public string? JobId { get; init; }

    public string? BaseNode { get; init; }

    public string? Base { get; init; }

    public string? TopNode { get; init; }

    public string? Top { get; init; }

    public string? BackingFile { get; init; }

    public bool? BackingMaskProtocol { get; init; }

    public long? Speed { get; init; }

    public string? OnError { get; init; }

    public string? FilterNodeName { get; init; }

    public bool? AutoFinalize { get; init; }

    public bool? AutoDismiss { get; init; }

    public bool? InvalidateOverlays { get; init; }

    public bool? Safe { get; init; }

    public IReadOnlyList<string>? Protect { get; init; }

    public IReadOnlyList<string>? ProtectDirectories { get; init; }
}
