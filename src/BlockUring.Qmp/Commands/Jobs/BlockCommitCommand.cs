using BlockUring.Jobs;
using BlockUring.Jobs.Commit;

namespace BlockUring.Qmp.Commands.Jobs;

/// <summary>block-commit.</summary>
internal sealed class BlockCommitCommand()
    : QmpCommand<CommitArguments, NoResult>("block-commit", QmpJson.Default.CommitArguments, QmpJson.Default.NoResult)
{
    /// <inheritdoc/>
    protected override async ValueTask<NoResult> RunAsync(MonitorContext context, CommitArguments arguments)
    {
        using var change = await context.Graph.BeginChangeAsync();
        var request = CommitText.Parse(context, arguments);
        Job job = request.IsActive
            ? await ActiveCommit.CreateAsync(context.Graph, context.Jobs, request)
            : await CommitJob.CreateAsync(context.Graph, context.Jobs, request);
        job.Start();
        return NoResult.Value;
    }
}
