namespace BlockUring.Qmp.Commands.Nodes;

/// <summary>Arguments of query-named-block-nodes.</summary>
/// <param name="Flat">Whether backing files are left out of each description.</param>
internal sealed record QueryNodesArguments(bool? Flat = null);
