using System.Text.Json;
using BlockUring.Qmp.Schema;

namespace BlockUring.Qmp.Commands;

/// <summary>query-qmp-schema.</summary>
internal sealed class QuerySchemaCommand()
    : QmpCommand<NoArguments, JsonElement>("query-qmp-schema", QmpJson.Default.NoArguments, QmpJson.Default.JsonElement)
{
    private JsonElement? description;

    /// <inheritdoc/>
    protected override ValueTask<JsonElement> RunAsync(MonitorContext context, NoArguments arguments) =>
        new(description ??= SchemaIntrospection.Describe(QapiSchema.Current, c => context.Commands.Has(c.Name)));
}
