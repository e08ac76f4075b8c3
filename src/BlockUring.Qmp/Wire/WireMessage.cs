using System.Text.Json;

namespace BlockUring.Qmp.Wire;

/// <summary>What a client sent: a JSON value, or something that is none.</summary>
/// <param name="Value">The value; undefined when there is an <paramref name="Error"/>.</param>
/// <param name="Error">Why it is none, in QEMU's words; null when it is one.</param>
internal readonly record struct WireMessage(JsonElement Value, string? Error);
