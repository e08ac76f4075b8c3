namespace BlockUring.Qmp.Commands.Chardevs;

/// <summary>query-chardev.</summary>
internal sealed class QueryChardevCommand()
    : QmpCommand<NoArguments, IReadOnlyList<ChardevInfo>>("query-chardev", QmpJson.Default.NoArguments, QmpJson.Default.IReadOnlyListChardevInfo)
{
    /// <inheritdoc/>
    protected override ValueTask<IReadOnlyList<ChardevInfo>> RunAsync(MonitorContext context, NoArguments arguments) =>
        new([.. context.Chardevs.Select(c => new ChardevInfo(c.Label, c.Filename, c.HasFrontend))]);
}
