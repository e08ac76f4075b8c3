using System.Text.Json;

namespace BlockUring.Qmp.Commands;

/// <summary>Arguments of qom-set.</summary>
/// <param name="Path">Of the object.</param>
/// <param name="Property">Its name.</param>
/// <param name="Value">As the property's type has it.</param>
internal sealed record QomSetArguments(string Path, string Property, JsonElement Value);
