using System.Text.Json;

namespace BlockUring.Qmp.Commands.Transactions;

/// <summary>Arguments of transaction.</summary>
/// <param name="Actions">What is done: each has a type and data.</param>
/// <param name="Properties">How.</param>
internal sealed record TransactionArguments(IReadOnlyList<JsonElement> Actions, TransactionProperties? Properties = null);
