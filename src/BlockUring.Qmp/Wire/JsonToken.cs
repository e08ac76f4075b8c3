namespace BlockUring.Qmp.Wire;

/// <summary>A token of a message whose bytes are kept together.</summary>
/// <param name="Kind">What it is.</param>
/// <param name="Start">Its first byte among the message's bytes.</param>
/// <param name="Length">Bytes.</param>
internal readonly record struct JsonToken(JsonTokenKind Kind, int Start, int Length);
