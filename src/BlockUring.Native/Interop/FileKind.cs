namespace BlockUring.Native.Interop;

/// <summary>What a path leads to (the type bits of st_mode).</summary>
public enum FileKind
{
    /// <summary>Something else.</summary>
    Other,

    /// <summary>A regular file.</summary>
    Regular,

    /// <summary>A directory.</summary>
    Directory,

    /// <summary>A block device.</summary>
    BlockDevice,

    /// <summary>A character device.</summary>
    CharacterDevice,

    /// <summary>A FIFO.</summary>
    Fifo,

    /// <summary>A socket.</summary>
    Socket,
}
