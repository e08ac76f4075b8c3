namespace BlockUring.Qmp.Commands;

/// <summary>object-del.</summary>
internal sealed class ObjectDelCommand()
    : QmpCommand<ObjectDelArguments, NoResult>("object-del", QmpJson.Default.ObjectDelArguments, QmpJson.Default.NoResult)
{
    /// <inheritdoc/>
    protected override ValueTask<NoResult> RunAsync(MonitorContext context, ObjectDelArguments arguments)
    {
        context.Objects.Remove(arguments.Id);
        return new(NoResult.Value);
    }
}
