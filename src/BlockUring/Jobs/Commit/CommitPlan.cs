using BlockUring.Graph;

namespace BlockUring.Jobs.Commit;

/// <summary>What a safe commit would do, worked out without changing anything.</summary>
/// <param name="Bytes">Bytes that would be written to the base, zeroes included.</param>
/// <param name="Overlays">What the overlays would need before.</param>
public sealed record CommitPlan(long Bytes, IReadOnlyList<OverlayDemand> Overlays)
{
    /// <summary>Works it out; what is written meanwhile makes it inexact.</summary>
    /// <param name="graph">Where; the caller holds its change.</param>
    /// <param name="request">The commit; its <see cref="CommitRequest.Protection"/> says which overlays besides those that are open.</param>
    /// <exception cref="BlockUring.Storage.BlockException">Why the commit would be refused, or an image that cannot be read.</exception>
    public static async ValueTask<CommitPlan> MakeAsync(BlockGraph graph, CommitRequest request)
    {
        var opened = await OverlayFinder.OpenAsync(graph, request.Base, request.Protection ?? new OverlayProtection([], []), readOnly: true);
        try
        {
            var measures = OverlayHold.Find(request.Base, request.Top)
                .Select(o => new OverlayMeasure(o, request.Base, isKnown: !opened.Contains(o)))
                .ToArray();
            var planner = new CommitPlanner(request.Top, request.Base, CommitJob.SettingsFor(request.Base));
            long bytes = 0;
            for (var piece = await planner.NextAsync(); piece.Length > 0; piece = await planner.NextAsync())
            {
                bytes += piece.Length;
                foreach (var measure in measures)
                    await measure.AddAsync(piece.Offset, piece.Length);
            }

            return new CommitPlan(bytes, [.. measures.Select(m => m.Result)]);
        }
        finally
        {
            foreach (var node in opened)
                await graph.CloseIfUnusedAsync(node);
        }
    }
}
