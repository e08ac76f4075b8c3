using System.Text.Json;
using System.Text.Json.Serialization.Metadata;

namespace BlockUring.Qmp.Commands;

/// <summary>A command with typed arguments and answer.</summary>
/// <typeparam name="TArguments">A record as the definition has it, <see cref="NoArguments"/>, or JsonElement for a union.</typeparam>
/// <typeparam name="TResult">As the definition has it, or <see cref="NoResult"/>.</typeparam>
internal abstract class QmpCommand<TArguments, TResult>(string name, JsonTypeInfo<TArguments> argumentsInfo, JsonTypeInfo<TResult> resultInfo)
    : QmpCommand(name)
{
    /// <inheritdoc/>
    public sealed override JsonTypeInfo ArgumentsInfo => argumentsInfo;

    /// <inheritdoc/>
    public sealed override JsonTypeInfo ResultInfo => resultInfo;

    /// <inheritdoc/>
    public sealed override async ValueTask<JsonElement> InvokeAsync(MonitorContext context, QmpSession session, JsonElement arguments)
    {
        var result = await RunAsync(context, arguments.Deserialize(argumentsInfo)!);
        return JsonSerializer.SerializeToElement(result, resultInfo);
    }

    /// <summary>Runs it.</summary>
    /// <exception cref="QmpException">It failed.</exception>
    protected abstract ValueTask<TResult> RunAsync(MonitorContext context, TArguments arguments);
}
