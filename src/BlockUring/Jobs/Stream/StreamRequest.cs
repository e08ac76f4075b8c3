using BlockUring.Graph;

namespace BlockUring.Jobs.Stream;

/// <summary>What somebody who wants a stream says.</summary>
/// <param name="Settings">What every job is started with.</param>
/// <param name="Top">The node that receives what those below it hold; need not be at the top of its chain.</param>
public sealed record StreamRequest(JobSettings Settings, BlockNode Top)
{
    /// <summary>The node below the top that stays below it; null for none, or where <see cref="Bottom"/> says it.</summary>
    public BlockNode? Base { get; init; }

    /// <summary>The last node whose data is taken, no filter; not together with <see cref="Base"/>.</summary>
    public BlockNode? Bottom { get; init; }

    /// <summary>What is written into the header for the backing file; null for the base's own name.</summary>
    public string? BackingFile { get; init; }

    /// <summary>When the chain cannot be read, or the top not written.</summary>
    public JobErrorPolicy OnError { get; init; }

    /// <summary>The name of the filter node; null for one that nobody sees.</summary>
    public string? FilterName { get; init; }
}
