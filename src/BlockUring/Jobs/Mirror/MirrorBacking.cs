namespace BlockUring.Jobs.Mirror;

/// <summary>What becomes of the target's backing node when it takes the source's place.</summary>
public enum MirrorBacking
{
    /// <summary>It stays.</summary>
    Leave,

    /// <summary>It is what the source's layers, as far as they were not copied, lie on.</summary>
    OfSource,

    /// <summary>It is the file that the target's header names.</summary>
    Open,
}
