using System.Text.Json;

namespace BlockUring.Qmp.Commands.Chardevs;

/// <summary>Arguments of chardev-add and chardev-change.</summary>
/// <param name="Id">Names the device.</param>
/// <param name="Backend">What it is to be.</param>
internal sealed record ChardevArguments(string Id, JsonElement Backend);
