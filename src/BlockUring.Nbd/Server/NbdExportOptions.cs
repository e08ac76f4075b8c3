using BlockUring.Bitmaps;
using BlockUring.Graph;

namespace BlockUring.Nbd.Server;

/// <summary>What an export is.</summary>
/// <param name="Id">Unique among all exports of the process.</param>
/// <param name="Name">What clients ask for; unique at its server.</param>
/// <param name="Node">The node shown.</param>
public sealed record NbdExportOptions(string Id, string Name, BlockNode Node)
{
    /// <summary>For people; null for none.</summary>
    public string? Description { get; init; }

    /// <summary>Whether clients may write.</summary>
    public bool IsWritable { get; init; }

    /// <summary>Whether each write is durable before it is answered.</summary>
    public bool IsWriteThrough { get; init; }

    /// <summary>Whether clients may ask for <see cref="Wire.NbdContexts.AllocationDepth"/>.</summary>
    public bool HasAllocationDepth { get; init; }

    /// <summary>The bitmaps that clients may ask for; busy while the export lasts.</summary>
    public IReadOnlyList<DirtyBitmap> Bitmaps { get; init; } = [];

    /// <summary>The first byte of the node that is shown.</summary>
    public long Offset { get; init; }
}
