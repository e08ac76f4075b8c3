using BlockUring.Images;
using BlockUring.Native.Codecs;

namespace BlockUring.Copy;

/// <summary>How a guest disk is copied.</summary>
/// <param name="Source">What is read.</param>
/// <param name="Target">What is written; as long as the source or longer.</param>
public sealed record CopySettings(CopySource Source, Image Target)
{
    /// <summary>The longest read, in bytes; a power of two.</summary>
    public int ChunkLength { get; init; } = 1 << 20;

    /// <summary>Requests in flight, 1 or more.</summary>
    public int WorkerCount { get; init; } = 16;

    /// <summary>The shortest run of zeroes in data that is left out, in bytes; 0 means that all is written, holes of the source too.</summary>
    public int SparseLength { get; init; } = 4096;

    /// <summary>Whether the target reads as zeroes wherever nothing has been written and no backing file shows through.</summary>
    public bool TargetIsZero { get; init; }

    /// <summary>
    /// Whether the target has a backing file that shows the source's lower layers: then only the top layer is copied, up to
    /// <see cref="TargetBackingLength"/>.
    /// </summary>
    public bool TargetHasBacking { get; init; }

    /// <summary>Length of the target's backing file in bytes.</summary>
    public long TargetBackingLength { get; init; }

    /// <summary>Compress clusters with this method; null means not.</summary>
    public CompressionType? Compression { get; init; }

    /// <summary>Level of compression; null means the method's default.</summary>
    public int? CompressionLevel { get; init; }

    /// <summary>Pieces of the source start and end on multiples of this in the target, in bytes; a power of two.</summary>
    public int PieceAlignment => Compression == null ? 1 : Target.Format.ClusterLength;

    /// <summary>Whether to let the host copy ranges (reflink, copy_file_range) where it can.</summary>
    public bool CopyOffload { get; init; }

    /// <summary>Whether unreadable sectors are replaced by zeroes, with a warning each.</summary>
    public bool Salvage { get; init; }

    /// <summary>Limits the rate; null means unlimited.</summary>
    public RateLimit? Limit { get; init; }

    /// <summary>Receives warnings, one line each.</summary>
    public Action<string> Warn { get; init; } = _ => { };
}
