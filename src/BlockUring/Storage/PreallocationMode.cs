namespace BlockUring.Storage;

/// <summary>How space is reserved when a file or image is created or grown; qemu-img's names in lower case.</summary>
public enum PreallocationMode
{
    /// <summary>Not at all: a sparse file.</summary>
    Off,

    /// <summary>Metadata only (formats; for a plain file the same as <see cref="Off"/>).</summary>
    Metadata,

    /// <summary>By fallocate: reserved, reading as zeroes.</summary>
    Falloc,

    /// <summary>By writing zeroes.</summary>
    Full,
}
