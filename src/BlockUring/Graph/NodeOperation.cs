namespace BlockUring.Graph;

/// <summary>What somebody may want to do with a node, and a job may have to refuse. Permissions say the rest.</summary>
[Flags]
public enum NodeOperation
{
    /// <summary>Nothing.</summary>
    None = 0,

    /// <summary>Being the source of a backup.</summary>
    BackupSource = 1 << 0,

    /// <summary>Being the target of a backup.</summary>
    BackupTarget = 1 << 1,

    /// <summary>Being the source of a mirror.</summary>
    MirrorSource = 1 << 2,

    /// <summary>Being the target of a mirror.</summary>
    MirrorTarget = 1 << 3,

    /// <summary>Receiving what its backing files hold.</summary>
    Stream = 1 << 4,

    /// <summary>Being committed into a node below.</summary>
    CommitSource = 1 << 5,

    /// <summary>Receiving a commit.</summary>
    CommitTarget = 1 << 6,

    /// <summary>Getting an overlay, whose name is then used in its place.</summary>
    ExternalSnapshot = 1 << 7,

    /// <summary>Getting or losing a snapshot inside the image.</summary>
    InternalSnapshot = 1 << 8,

    /// <summary>Changing its length.</summary>
    Resize = 1 << 9,

    /// <summary>Being replaced by another node.</summary>
    Replace = 1 << 10,

    /// <summary>Getting other options, or another backing node.</summary>
    Reopen = 1 << 11,

    /// <summary>Having its header changed (amend, backing file name).</summary>
    Amend = 1 << 12,

    /// <summary>Being deleted by name.</summary>
    Delete = 1 << 13,

    /// <summary>All of them.</summary>
    All = (1 << 14) - 1,
}
