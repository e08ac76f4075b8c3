using BlockUring.Graph;
using BlockUring.Storage;

namespace BlockUring.Jobs.Commit;

/// <summary>What somebody who wants a commit says.</summary>
/// <param name="Settings">What every job is started with.</param>
/// <param name="Device">The active layer: the root of the chain.</param>
/// <param name="Top">The topmost node whose data is moved.</param>
/// <param name="Base">Where it goes: a node of the chain below <paramref name="Top"/>.</param>
public sealed record CommitRequest(JobSettings Settings, BlockNode Device, BlockNode Top, BlockNode Base)
{
    /// <summary>When a node cannot be read or the base cannot be written.</summary>
    public JobErrorPolicy OnError { get; init; }

    /// <summary>What the headers of top's overlays name as their backing file in the end; null for the base's file name.</summary>
    public string? BackingFile { get; init; }

    /// <summary>The name of the filter node; null for one that nobody sees.</summary>
    public string? FilterName { get; init; }

    /// <summary>Whether overlays outside the chain from top to base may show other data afterwards.</summary>
    public bool InvalidatesOverlays { get; init; }

    /// <summary>Which overlays are kept as they are, besides all that are open; null for a commit that keeps none.</summary>
    public OverlayProtection? Protection { get; init; }

    /// <summary>
    /// Whether top is written to meanwhile, or is what writers will be attached to: the commit then follows the writes and ends with the base in
    /// top's place.
    /// </summary>
    public bool IsActive => TopIsActiveLayer || TopHasWriter;

    /// <summary>Whether nothing but filters is between <see cref="Device"/> and <see cref="Top"/>.</summary>
    public bool TopIsActiveLayer => NodeChain.SkipFilters(Top) == NodeChain.SkipFilters(Device);

    /// <summary>Whether somebody may write to top now.</summary>
    public bool TopHasWriter => (PermissionSolver.Together(Top).Needed & ImagePermissions.Write) != 0;
}
