namespace BlockUring.Jobs.Mirror;

/// <summary>How what the guest writes reaches the target of a mirror.</summary>
public enum MirrorCopyMode
{
    /// <summary>Later, as fast as it goes.</summary>
    Background,

    /// <summary>Before the guest is told that it is written.</summary>
    WriteBlocking,

    /// <summary>Later, until it shows that the guest writes as fast as the job copies; from then on before.</summary>
    Auto,
}
