using System.Text.Json;
using BlockUring.Jobs;
using BlockUring.Jobs.Mirror;

namespace BlockUring.Qmp.Commands.Jobs;

/// <summary>block-job-change.</summary>
internal sealed class BlockJobChangeCommand()
    : QmpCommand<JsonElement, NoResult>("block-job-change", QmpJson.Default.JsonElement, QmpJson.Default.NoResult)
{
    /// <inheritdoc/>
    protected override ValueTask<NoResult> RunAsync(MonitorContext context, JsonElement arguments)
    {
        var (id, type) = (arguments.GetProperty("id").GetString()!, arguments.GetProperty("type").GetString());
        var job = context.FindBlockJob(id);
        job.DemandChangeable();
        if (job is not MirrorJob { Type: JobType.Mirror } mirror)
            throw new QmpException("Job type does not support change");
        if (type != mirror.Type.Name())
            throw new QmpException($"Job '{id}' is of type '{mirror.Type.Name()}', not '{type}'");
        mirror.Change(MirrorText.CopyMode(arguments.GetProperty("copy-mode").GetString()));
        return new(NoResult.Value);
    }
}
