using BlockUring.Images;
using BlockUring.Native.Codecs;

namespace BlockUring.Copy;

/// <summary>How ranges are copied.</summary>
public record RangeCopySettings
{
    /// <summary>The unit of copying in bytes, a power of two, at least the target's cluster.</summary>
    public int ClusterLength { get; init; } = 64 << 10;

    /// <summary>The longest read, in bytes; a power of two, at least <see cref="ClusterLength"/>.</summary>
    public int MaxChunk { get; init; } = 1 << 20;

    /// <summary>Whether only what the source's top layer holds is copied (sync=top).</summary>
    public bool TopOnly { get; init; }

    /// <summary>
    /// The layer whose data, and that of those below it, is left out; null for none. A layer above it that is too short to show it reads as
    /// zeroes there, which are copied.
    /// </summary>
    public GuestDisk? Below { get; init; }

    /// <summary>Whether zeroes are stored even where the target reads so already, since it will be put over another image.</summary>
    public bool StoresZeroes { get; init; }

    /// <summary>Compress clusters with this method; null means not.</summary>
    public CompressionType? Compression { get; init; }
}
