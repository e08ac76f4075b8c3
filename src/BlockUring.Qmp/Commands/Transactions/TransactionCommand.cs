using BlockUring.Jobs;

namespace BlockUring.Qmp.Commands.Transactions;

/// <summary>transaction.</summary>
internal sealed class TransactionCommand()
    : QmpCommand<TransactionArguments, NoResult>("transaction", QmpJson.Default.TransactionArguments, QmpJson.Default.NoResult)
{
    private const string Grouped = "grouped";

    /// <inheritdoc/>
    protected override async ValueTask<NoResult> RunAsync(MonitorContext context, TransactionArguments arguments)
    {
        var isGrouped = arguments.Properties?.CompletionMode == Grouped;
        var jobs = isGrouped ? new JobTransaction() : null;
        var transaction = new Transaction(context.Graph);
        foreach (var action in arguments.Actions)
        {
            var kind = action.GetProperty("type").GetString()!;
            var made = TransactionKinds.Make(context, kind, action.GetProperty("data"), jobs);
            transaction.Add(isGrouped && !made.CanBeGrouped ? new UngroupableAction(kind) : made);
        }

        await transaction.RunAsync();
        return NoResult.Value;
    }

    // Why an action: those before it come first, and may fail first.
    private sealed class UngroupableAction(string kind) : TransactionAction
    {
        public override ValueTask PrepareAsync() =>
            throw new QmpException($"Action '{kind}' does not support Transaction property completion-mode = {Grouped}");
    }
}
