namespace BlockUring.Native.Interop;

/// <summary>How <see cref="FileSystemCalls.Open"/> opens. O_CLOEXEC and O_NOCTTY always hold.</summary>
[Flags]
public enum OpenFlags
{
    /// <summary>Existing, for reading, through the page cache.</summary>
    None = 0,

    /// <summary>For reading and writing.</summary>
    Write = 1,

    /// <summary>Made when missing, with mode 0644 less the umask.</summary>
    Create = 2,

    /// <summary>Past the page cache (O_DIRECT).</summary>
    Direct = 4,

    /// <summary>For writing and not for reading.</summary>
    WriteOnly = 8,

    /// <summary>Every write goes to the end.</summary>
    Append = 16,

    /// <summary>What it held is thrown away.</summary>
    Truncate = 32,
}
