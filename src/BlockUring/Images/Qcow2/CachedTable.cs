using BlockUring.Native.Memory;
using BlockUring.Storage;

namespace BlockUring.Images.Qcow2;

/// <summary>A table, or a part of one, in a <see cref="TableCache"/>: bytes as on disk, at one host offset.</summary>
/// <remarks>While pinned it stays what it is; after <see cref="Unpin"/> it may become another table at any await.</remarks>
internal sealed class CachedTable
{
    private readonly TableCache cache;

    internal CachedTable(TableCache cache, IoMemory memory)
    {
        this.cache = cache;
        Memory = memory;
    }

    /// <summary>Where the table is in the file.</summary>
    public long HostOffset { get; internal set; } = -1;

    /// <summary>The table's bytes, big-endian. Who changes them calls <see cref="MarkDirty"/> before the next await.</summary>
    public Span<byte> Span => Memory.Span;

    /// <summary>Whether it was changed since it was last written.</summary>
    public bool IsDirty { get; internal set; }

    internal IoMemory Memory { get; }

    internal int PinCount { get; private set; }

    /// <summary>Ends with the read that fills the table; null once it is filled. Made when a second caller waits.</summary>
    internal Arrival? Arrival { get; set; }

    internal bool IsLoading { get; set; }

    internal bool IsListed { get; set; }

    internal CachedTable? Newer { get; set; }

    internal CachedTable? Older { get; set; }

    /// <summary>Notes a change, to be written by <see cref="TableCache.WriteBackAsync"/>.</summary>
    public void MarkDirty() => cache.MarkDirty(this);

    /// <summary>Keeps the table in the cache until the matching <see cref="Unpin"/>.</summary>
    public void Pin() => PinCount++;

    /// <summary>Ends one pin.</summary>
    public void Unpin()
    {
        if (PinCount == 0)
            throw new InvalidOperationException("A cached table was unpinned more often than pinned.");
        PinCount--;
        if (PinCount == 0)
            cache.Released(this);
    }
}
