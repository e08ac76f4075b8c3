namespace BlockUring.Graph.Filters;

/// <summary>How a copy-before-write filter deals with trouble.</summary>
/// <param name="BreaksSnapshot">Whether a failed save breaks the snapshot; otherwise it fails the guest's write.</param>
/// <param name="Timeout">How long a write may wait for its save; zero for ever.</param>
public sealed record CopyBeforeWriteOptions(bool BreaksSnapshot = false, TimeSpan Timeout = default);
