using System.Text.Json;

namespace BlockUring.Qmp.Commands.Nodes;

/// <summary>query-block: the devices of a machine, which a storage daemon has none of.</summary>
internal sealed class QueryBlockCommand()
    : QmpCommand<NoArguments, IReadOnlyList<JsonElement>>("query-block", QmpJson.Default.NoArguments, QmpJson.Default.IReadOnlyListJsonElement)
{
    /// <inheritdoc/>
    protected override ValueTask<IReadOnlyList<JsonElement>> RunAsync(MonitorContext context, NoArguments arguments) =>
        new((IReadOnlyList<JsonElement>)[]);
}
