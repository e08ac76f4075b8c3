using BlockUring.Qmp.Channels;

namespace BlockUring.Qmp.Commands.Chardevs;

/// <summary>query-chardev-backends.</summary>
internal sealed class QueryChardevBackendsCommand() : QmpCommand<NoArguments, IReadOnlyList<NamedInfo>>(
    "query-chardev-backends", QmpJson.Default.NoArguments, QmpJson.Default.IReadOnlyListNamedInfo)
{
    /// <inheritdoc/>
    protected override ValueTask<IReadOnlyList<NamedInfo>> RunAsync(MonitorContext context, NoArguments arguments) =>
        new([.. ChardevOptions.Backends.Select(b => new NamedInfo(b))]);
}
