namespace BlockUring.Qmp.Commands.Nodes;

/// <summary>Arguments of commands that name a node.</summary>
/// <param name="NodeName">Of the node.</param>
internal sealed record NodeNameArguments(string NodeName);
