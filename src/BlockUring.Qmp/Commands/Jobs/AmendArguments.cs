using System.Text.Json;

namespace BlockUring.Qmp.Commands.Jobs;

/// <summary>Arguments of x-blockdev-amend.</summary>
/// <param name="JobId">Names the job.</param>
/// <param name="NodeName">The node.</param>
/// <param name="Options">The driver and its options.</param>
/// <param name="Force">Whether to do what cannot be taken back.</param>
internal sealed record AmendArguments(string JobId, string NodeName, JsonElement Options, bool? Force = null);
