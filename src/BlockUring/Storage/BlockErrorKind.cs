namespace BlockUring.Storage;

/// <summary>What went wrong, coarsely: what a caller may want to act on.</summary>
public enum BlockErrorKind
{
    /// <summary>The request or an option is wrong (EINVAL and the like).</summary>
    Invalid,

    /// <summary>Reading or writing failed.</summary>
    Io,

    /// <summary>No room on the device, or a quota or file size limit was hit.</summary>
    NoSpace,

    /// <summary>A file is missing.</summary>
    NotFound,

    /// <summary>Permission denied, or a write to something that is read-only.</summary>
    Access,

    /// <summary>Another process uses the image in a way that conflicts.</summary>
    Locked,

    /// <summary>The image breaks its format's rules.</summary>
    Corrupt,

    /// <summary>The format or host feature is not supported.</summary>
    Unsupported,

    /// <summary>The operation was cancelled.</summary>
    Cancelled,

    /// <summary>A named maximum would be exceeded (memory, table size, chain depth).</summary>
    Limit,

    /// <summary>What is named is not at work (QMP's class DeviceNotActive).</summary>
    NotActive,
}
