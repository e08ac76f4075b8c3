namespace BlockUring.Qmp.Commands.Jobs;

/// <summary>Arguments of block-stream.</summary>
internal sealed record StreamArguments
{
    public required string Device { get; init; }

    public string? JobId { get; init; }

    public string? Base { get; init; }

    public string? BaseNode { get; init; }

    public string? BackingFile { get; init; }

    /// <summary>Accepted, and always so: headers name formats.</summary>
    public bool? BackingMaskProtocol { get; init; }

    public string? Bottom { get; init; }

    public long? Speed { get; init; }

    public string? OnError { get; init; }

    public string? FilterNodeName { get; init; }

    public bool? AutoFinalize { get; init; }

    public bool? AutoDismiss { get; init; }
}
