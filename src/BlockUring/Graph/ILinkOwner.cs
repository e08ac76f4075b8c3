namespace BlockUring.Graph;

/// <summary>Who uses a node: a node above it, or a job, an export, a monitor command.</summary>
public interface ILinkOwner
{
    /// <summary>As messages name it: "node 'x'", "backup job 'y'".</summary>
    string Description { get; }
}
