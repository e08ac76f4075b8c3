using System.Text.Json;

namespace BlockUring.Qmp.Commands;

/// <summary>A property of an object, as qom-list answers.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Type">Its type, "child&lt;TYPE&gt;" for an object below.</param>
/// <param name="Description">What it is for.</param>
/// <param name="DefaultValue">Its value in a new object.</param>
internal sealed record PropertyInfo(string Name, string Type, string? Description = null, JsonElement? DefaultValue = null);
