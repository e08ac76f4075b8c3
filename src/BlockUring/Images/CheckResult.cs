namespace BlockUring.Images;

/// <summary>What a consistency check of an image's metadata found.</summary>
public sealed record CheckResult
{
    /// <summary>Errors that kept parts of the image from being checked.</summary>
    public long CheckErrors { get; init; }

    /// <summary>Corruptions found and not repaired.</summary>
    public long Corruptions { get; init; }

    /// <summary>Leaked clusters found and not given back.</summary>
    public long Leaks { get; init; }

    /// <summary>Corruptions repaired.</summary>
    public long CorruptionsFixed { get; init; }

    /// <summary>Leaked clusters given back.</summary>
    public long LeaksFixed { get; init; }

    /// <summary>Where the used part of the file ends, in bytes; 0 when unknown.</summary>
    public long ImageEndOffset { get; init; }

    /// <summary>Guest clusters of the whole image; 0 when unknown.</summary>
    public long TotalClusters { get; init; }

    /// <summary>Guest clusters with data.</summary>
    public long AllocatedClusters { get; init; }

    /// <summary>Allocated clusters that do not follow the one before on the host.</summary>
    public long FragmentedClusters { get; init; }

    /// <summary>Allocated clusters that are compressed.</summary>
    public long CompressedClusters { get; init; }
}
