namespace BlockUring.Copy;

/// <summary>How the content of one instant is copied.</summary>
public sealed record SnapshotCopySettings : RangeCopySettings
{
    /// <summary>Whether the source is told that it need not keep what was copied (a fleecing image).</summary>
    public bool DiscardsSource { get; init; }
}
