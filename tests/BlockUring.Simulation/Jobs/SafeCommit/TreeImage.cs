using BlockUring.Graph;

namespace BlockUring.Simulation.Jobs.SafeCommit;

/// <summary>One image of a tree, and what it must go on showing.</summary>
internal sealed record TreeImage(string Name, string Format, TreeImage? Parent, byte[] Content)
{
    public string Path => $"/sim/{Name}";

    /// <summary>How many images lie below.</summary>
    public int Depth => Parent == null ? 0 : Parent.Depth + 1;

    /// <summary>While it is open.</summary>
    public BlockNode? Node { get; set; }

    /// <summary>Who reads and writes it; null for nobody.</summary>
    public TreeGuest? Guest { get; set; }

    public override string ToString() => $"{Name} {Format} {Content.Length}" + (Parent == null ? "" : $" over {Parent.Name}");
}
