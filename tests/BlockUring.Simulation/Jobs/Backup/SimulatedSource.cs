using BlockUring.Bitmaps;
using BlockUring.Graph;

namespace BlockUring.Simulation.Jobs.Backup;

/// <summary>A disk that guests write to.</summary>
internal sealed record SimulatedSource(string Name, string Format, DiskModel Model, bool[] TopAtStart)
{
    public DiskUser User { get; } = new($"guest of {Name}");

    public BlockNode? Node { get; set; }

    public NodeLink? Link { get; set; }

    public DirtyBitmap? Bitmap { get; set; }

    public List<GuestWriter> Writers { get; } = [];
}
