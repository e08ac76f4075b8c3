using BlockUring.Jobs.Commit;

namespace BlockUring.Qmp.Commands.Jobs;

/// <summary>query-commit-plan.</summary>
internal sealed class QueryCommitPlanCommand() : QmpCommand<CommitPlanArguments, CommitPlanResult>(
    "query-commit-plan", QmpJson.Default.CommitPlanArguments, QmpJson.Default.CommitPlanResult)
{
    /// <inheritdoc/>
    protected override async ValueTask<CommitPlanResult> RunAsync(MonitorContext context, CommitPlanArguments arguments)
    {
        using var change = await context.Graph.BeginChangeAsync();
        var plan = await CommitPlan.MakeAsync(context.Graph, CommitText.Parse(context, arguments.ToCommit()));
        return new CommitPlanResult(
            plan.Bytes, [.. plan.Overlays.Select(o => new CommitPlanOverlayResult(o.NodeName, o.FileName, o.Bytes, o.DataBytes))]);
    }
}
