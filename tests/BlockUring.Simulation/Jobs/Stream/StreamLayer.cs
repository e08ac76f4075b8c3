using BlockUring.Bitmaps;
using BlockUring.Graph;

namespace BlockUring.Simulation.Jobs.Stream;

/// <summary>An image of a chain.</summary>
/// <param name="Name">Of its node, where that has a name.</param>
/// <param name="Format">Raw or qcow2.</param>
internal sealed record StreamLayer(string Name, string Format)
{
    public string Path => "/sim/" + Name;

    /// <summary>The image that its header names; null for none.</summary>
    public StreamLayer? Backing { get; set; }

    /// <summary>A bitmap that no guest's write comes to; null for none.</summary>
    public DirtyBitmap? Untouched { get; set; }

    public BlockNode? NodeIn(BlockGraph graph) => graph.Nodes.FirstOrDefault(n => n is FormatNode && n.FileName == Path);

    public override string ToString() => $"{Name} {Format}";
}
