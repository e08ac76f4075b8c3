using BlockUring.Qmp.Schema;

namespace BlockUring.Qmp.Commands;

/// <summary>query-commands.</summary>
internal sealed class QueryCommandsCommand()
    : QmpCommand<NoArguments, IReadOnlyList<NamedInfo>>("query-commands", QmpJson.Default.NoArguments, QmpJson.Default.IReadOnlyListNamedInfo)
{
    /// <inheritdoc/>
    protected override ValueTask<IReadOnlyList<NamedInfo>> RunAsync(MonitorContext context, NoArguments arguments) =>
        new([.. QapiSchema.Current.Commands.Where(c => context.Commands.Has(c.Name)).Select(c => new NamedInfo(c.Name)).Reverse()]);
}
