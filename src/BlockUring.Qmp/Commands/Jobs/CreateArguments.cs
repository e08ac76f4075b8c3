using System.Text.Json;

namespace BlockUring.Qmp.Commands.Jobs;

/// <summary>Arguments of blockdev-create.</summary>
/// <param name="JobId">Names the job.</param>
/// <param name="Options">The driver and its options.</param>
internal sealed record CreateArguments(string JobId, JsonElement Options);
