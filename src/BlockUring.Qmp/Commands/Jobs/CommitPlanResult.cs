namespace BlockUring.Qmp.Commands.Jobs;

/// <summary>CommitPlan.</summary>
internal sealed record CommitPlanResult(long Bytes, IReadOnlyList<CommitPlanOverlayResult> Overlays);
