namespace BlockUring.Images;

/// <summary>What a writer says of its request.</summary>
[Flags]
public enum WriteFlags
{
    /// <summary>Nothing.</summary>
    None = 0,

    /// <summary>
    /// The range reads the same before and after (copy-on-read, streaming): no snapshot needs the old bytes, no bitmap records it, and a layer
    /// over a backing file takes only what it does not hold yet, so that what was written meanwhile stays.
    /// </summary>
    Unchanged = 1,

    /// <summary>Zeroes may be stored by giving space back.</summary>
    MayUnmap = 2,
}
