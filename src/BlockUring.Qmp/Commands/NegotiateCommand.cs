using System.Text.Json;
using System.Text.Json.Serialization.Metadata;

namespace BlockUring.Qmp.Commands;

/// <summary>qmp_capabilities: the first command of a session, and no later one.</summary>
internal sealed class NegotiateCommand() : QmpCommand(CommandName)
{
    /// <summary>Its name.</summary>
    public const string CommandName = "qmp_capabilities";

    /// <inheritdoc/>
    public override JsonTypeInfo ArgumentsInfo => QmpJson.Default.NegotiateArguments;

    /// <inheritdoc/>
    public override JsonTypeInfo ResultInfo => QmpJson.Default.NoResult;

    /// <inheritdoc/>
    public override ValueTask<JsonElement> InvokeAsync(MonitorContext context, QmpSession session, JsonElement arguments)
    {
        if (session.IsNegotiated)
            throw new QmpException("Capabilities negotiation is already complete, command ignored", QmpErrorClass.CommandNotFound);
        var enabled = arguments.Deserialize(QmpJson.Default.NegotiateArguments)!.Enable ?? [];
        session.Negotiate(enabled.Contains("oob"));
        return new(NoArguments.Element);
    }
}
