namespace BlockUring.Graph;

/// <summary>Why some operations are refused at a node.</summary>
/// <param name="Operations">What is refused.</param>
/// <param name="User">Who asked for it, as messages name it.</param>
/// <param name="Reason">Why, in a few words that follow "Node 'x' is busy: ".</param>
public sealed record OperationBlocker(NodeOperation Operations, string User, string Reason);
