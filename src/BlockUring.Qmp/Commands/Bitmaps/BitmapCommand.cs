using System.Text.Json.Serialization.Metadata;
using BlockUring.Qmp.Commands.Transactions;

namespace BlockUring.Qmp.Commands.Bitmaps;

/// <summary>A command that is one action of a transaction by itself: what it does, it does at once.</summary>
internal sealed class BitmapCommand<TArguments>(
    string name, JsonTypeInfo<TArguments> argumentsInfo, Func<MonitorContext, TArguments, TransactionAction> actionOf)
    : QmpCommand<TArguments, NoResult>(name, argumentsInfo, QmpJson.Default.NoResult)
{
    /// <inheritdoc/>
    protected override async ValueTask<NoResult> RunAsync(MonitorContext context, TArguments arguments)
    {
        using var change = await context.Graph.BeginChangeAsync();
        var action = actionOf(context, arguments);
        await action.PrepareAsync();
        action.Commit();
        await action.CleanAsync();
        return NoResult.Value;
    }
}
