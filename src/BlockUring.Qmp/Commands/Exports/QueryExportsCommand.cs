namespace BlockUring.Qmp.Commands.Exports;

/// <summary>query-block-exports.</summary>
internal sealed class QueryExportsCommand()
    : QmpCommand<NoArguments, IReadOnlyList<ExportResult>>("query-block-exports", QmpJson.Default.NoArguments, QmpJson.Default.IReadOnlyListExportResult)
{
    /// <inheritdoc/>
    protected override ValueTask<IReadOnlyList<ExportResult>> RunAsync(MonitorContext context, NoArguments arguments) =>
        new([.. context.Exports.All.Select(e => new ExportResult(e.Id, "nbd", e.Node.Name, e.IsEnding))]);
}
