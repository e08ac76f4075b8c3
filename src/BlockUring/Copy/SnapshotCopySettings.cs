using BlockUring.Native.Codecs;

namespace BlockUring.Copy;

/// <summary>How the content of one instant is copied.</summary>
public sealed record SnapshotCopySettings
{
    /// <summary>The unit of copying in bytes, a power of two, at least the target's cluster.</summary>
    public int ClusterLength { get; init; } = 64 << 10;

    /// <summary>The longest read, in bytes; a power of two, at least <see cref="ClusterLength"/>.</summary>
    public int MaxChunk { get; init; } = 1 << 20;

    /// <summary>Whether only what the source's top layer holds is copied (sync=top).</summary>
    public bool TopOnly { get; init; }

    /// <summary>Whether zeroes are stored even where the target reads so already, since it will be put over another image.</summary>
    public bool StoresZeroes { get; init; }

    /// <summary>Compress clusters with this method; null means not.</summary>
    public CompressionType? Compression { get; init; }

    /// <summary>Whether the source is told that it need not keep what was copied (a fleecing image).</summary>
    public bool DiscardsSource { get; init; }
}
