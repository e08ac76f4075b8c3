namespace BlockUring.Images;

/// <summary>What a format knows about an open image beyond its size: the part of `info` that differs between formats.</summary>
public sealed record ImageDescription
{
    /// <summary>Whether guest data is encrypted.</summary>
    public bool IsEncrypted { get; init; }

    /// <summary>Whether the image was not closed properly; null for a format that cannot tell.</summary>
    public bool? IsDirty { get; init; } = false;

    /// <summary>Bytes on the host's disk of the format's other files (an external data file); -1 when unknown.</summary>
    public long OtherAllocatedBytes { get; init; }

    /// <summary>The internal snapshots, in the order of the image.</summary>
    public IReadOnlyList<SnapshotDescription> Snapshots { get; init; } = [];

    /// <summary>Facts of this format alone, under QEMU's names ("refcount-bits"); null for none.</summary>
    public InfoObject? Specific { get; init; }
}
