namespace BlockUring.Qmp.Commands.Jobs;

/// <summary>CommitPlanOverlay.</summary>
internal sealed record CommitPlanOverlayResult(string? NodeName, string File, long Bytes, long DataBytes);
