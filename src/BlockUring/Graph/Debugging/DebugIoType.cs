namespace BlockUring.Graph.Debugging;

/// <summary>Kinds of requests that a blkdebug rule may fail.</summary>
[Flags]
internal enum DebugIoType
{
    /// <summary>Reads.</summary>
    Read = 1,

    /// <summary>Writes of data.</summary>
    Write = 2,

    /// <summary>Writes of zeroes.</summary>
    WriteZeroes = 4,

    /// <summary>Discards.</summary>
    Discard = 8,

    /// <summary>Flushes.</summary>
    Flush = 16,

    /// <summary>Questions about what is allocated.</summary>
    BlockStatus = 32,

    /// <summary>What a rule fails that names no kind.</summary>
    Usual = Read | Write | WriteZeroes | Discard | Flush,
}
