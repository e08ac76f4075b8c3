namespace BlockUring.Qmp.Commands.Transactions;

/// <summary>How a transaction is carried out ("TransactionProperties").</summary>
/// <param name="CompletionMode">"individual", the default, or "grouped": its jobs end together, or all fail.</param>
internal sealed record TransactionProperties(string? CompletionMode = null);
