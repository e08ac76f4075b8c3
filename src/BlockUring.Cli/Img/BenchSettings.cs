namespace BlockUring.Cli.Img;

/// <summary>What `img bench` is told.</summary>
internal sealed class BenchSettings : CommonSettings
{
    /// <summary>Requests in all.</summary>
    public int Count { get; set; } = 75000;

    /// <summary>Requests in flight.</summary>
    public int Depth { get; set; } = 64;

    /// <summary>Requests between flushes, 0 for none.</summary>
    public int FlushInterval { get; set; }

    /// <summary>Whether flushes wait until nothing is in flight.</summary>
    public bool DrainsOnFlush { get; set; } = true;

    /// <summary>Whether the caller asked for the kernel's older asynchronous interface, which needs O_DIRECT.</summary>
    public bool IsNativeAio { get; set; }

    /// <summary>First guest byte.</summary>
    public long Offset { get; set; }

    /// <summary>What written bytes are.</summary>
    public byte Pattern { get; set; }

    /// <summary>Bytes of a request.</summary>
    public int BufferLength { get; set; } = 4096;

    /// <summary>Bytes from one request's start to the next one's; 0 means the buffer's length.</summary>
    public int Step { get; set; }

    /// <summary>Whether to write.</summary>
    public bool IsWrite { get; set; }

    /// <summary>How the file is cached.</summary>
    public Storage.CacheMode Cache { get; set; } = Storage.CacheMode.Writeback;
}
