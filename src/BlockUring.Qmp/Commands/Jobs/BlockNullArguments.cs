namespace BlockUring.Qmp.Commands.Jobs;

/// <summary>Arguments of block-null.</summary>
/// <param name="Device">The node to read.</param>
/// <param name="JobId">Names the job; the device's name by default.</param>
/// <param name="Speed">Bytes a second; 0, the default, for as fast as it goes.</param>
/// <param name="AutoFinalize">Whether it concludes by itself; true by default.</param>
/// <param name="AutoDismiss">Whether it is forgotten when it has concluded; true by default.</param>
/// <param name="OnError">What a failed read does; "report" by default.</param>
internal sealed record BlockNullArguments(
    string Device,
    string? JobId = null,
    long? Speed = null,
    bool? AutoFinalize = null,
    bool? AutoDismiss = null,
    string? OnError = null);
