using BlockUring.Storage;

namespace BlockUring.Graph.Filters;

/// <summary>
/// Stands above the nodes of a chain that a commit is about to make superfluous: whoever reads through it is content with what those nodes and the
/// base show together, though neither of them makes sense alone any more.
/// </summary>
public sealed class CommitTopNode : FilterNode
{
    /// <summary>Makes a filter over a node; nobody uses it yet.</summary>
    /// <param name="name">Unique in the graph.</param>
    /// <param name="top">The node below.</param>
    public CommitTopNode(string name, BlockNode top)
        : base(name, "commit_top", top.Settings with { ReadOnly = true, AutoReadOnly = false, Unmap = false, DetectZeroes = DetectZeroes.Off }) =>
        Link = AddChild("backing", LinkRole.Filtered, top);

    /// <summary>To the node below.</summary>
    public NodeLink Link { get; }

    /// <inheritdoc/>
    public override (ImagePermissions Needed, ImagePermissions Shared) PermissionsFor(
        NodeLink link, ImagePermissions needed, ImagePermissions shared) => (ImagePermissions.None, NodeLink.AllPermissions);
}
