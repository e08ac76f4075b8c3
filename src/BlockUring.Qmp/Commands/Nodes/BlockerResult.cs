namespace BlockUring.Qmp.Commands.Nodes;

/// <summary>One thing that is not allowed on a node at present ("BlockerInfo").</summary>
internal sealed record BlockerResult(string Node, string Operation, string User, string Reason);
