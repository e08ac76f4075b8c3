namespace BlockUring.Storage;

/// <summary>qemu-img's cache modes: how a file is opened and when it is flushed.</summary>
/// <param name="Name">The name on the command line.</param>
/// <param name="Direct">O_DIRECT where the file allows it.</param>
/// <param name="NoFlush">Flush requests do nothing.</param>
/// <param name="WriteThrough">Every write is durable before it is reported complete.</param>
public sealed record CacheMode(string Name, bool Direct, bool NoFlush, bool WriteThrough)
{
    /// <summary>O_DIRECT, flushed on request.</summary>
    public static CacheMode None { get; } = new("none", true, false, false);

    /// <summary>Through the page cache, flushed on request. The default for sources.</summary>
    public static CacheMode Writeback { get; } = new("writeback", false, false, false);

    /// <summary>Through the page cache, never flushed. The default for targets of convert.</summary>
    public static CacheMode Unsafe { get; } = new("unsafe", false, true, false);

    /// <summary>O_DIRECT, every write durable.</summary>
    public static CacheMode DirectSync { get; } = new("directsync", true, false, true);

    /// <summary>Through the page cache, every write durable.</summary>
    public static CacheMode WriteThroughMode { get; } = new("writethrough", false, false, true);

    /// <summary>The mode of that name ("off" is an old name of "none"), or null.</summary>
    public static CacheMode? Parse(string name) => name switch
    {
        "none" or "off" => None,
        "writeback" => Writeback,
        "unsafe" => Unsafe,
        "directsync" => DirectSync,
        "writethrough" => WriteThroughMode,
        _ => null,
    };
}
