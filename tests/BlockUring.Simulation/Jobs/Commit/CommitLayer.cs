using BlockUring.Graph;
using BlockUring.Simulation.Jobs.Backup;

namespace BlockUring.Simulation.Jobs.Commit;

/// <summary>An image of a chain: what it is made of, and what it showed before the commit.</summary>
/// <param name="Name">Of its node, where it has one.</param>
/// <param name="Format">Raw or qcow2.</param>
/// <param name="Backing">The image below; null for none.</param>
/// <param name="View">What it shows through its chain.</param>
internal sealed record CommitLayer(string Name, string Format, CommitLayer? Backing, byte[] View)
{
    public string Path => PathOf(Name, Backing);

    /// <summary>Whether somebody makes its node by name; else it comes with the one above, by that one's header.</summary>
    public bool IsNamed { get; set; }

    public BlockNode? Node { get; set; }

    /// <summary>What guests have made of it.</summary>
    public DiskModel Model { get; } = new([.. View]);

    public DiskUser? Guest { get; set; }

    public static string PathOf(string name, CommitLayer? backing) => $"/{(backing == null ? "base" : "sim")}/{name}";

    public override string ToString() => $"{Name} {Format} {View.Length}{(IsNamed ? " named" : "")}";
}
