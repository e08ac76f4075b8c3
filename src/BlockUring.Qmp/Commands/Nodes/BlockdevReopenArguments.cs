using System.Text.Json;

namespace BlockUring.Qmp.Commands.Nodes;

/// <summary>Arguments of blockdev-reopen.</summary>
/// <param name="Options">As for blockdev-add, for each node.</param>
internal sealed record BlockdevReopenArguments(IReadOnlyList<JsonElement> Options);
