namespace BlockUring.Qmp.Commands.Nodes;

/// <summary>Arguments of x-query-blockers.</summary>
/// <param name="NodeName">The node; all by default.</param>
internal sealed record QueryBlockersArguments(string? NodeName = null);
