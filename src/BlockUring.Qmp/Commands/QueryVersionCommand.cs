namespace BlockUring.Qmp.Commands;

/// <summary>query-version.</summary>
internal sealed class QueryVersionCommand()
    : QmpCommand<NoArguments, VersionInfo>("query-version", QmpJson.Default.NoArguments, QmpJson.Default.VersionInfo)
{
    /// <inheritdoc/>
    protected override ValueTask<VersionInfo> RunAsync(MonitorContext context, NoArguments arguments) => new(VersionInfo.Current);
}
