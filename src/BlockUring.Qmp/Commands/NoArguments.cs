using System.Text.Json;

namespace BlockUring.Qmp.Commands;

/// <summary>The arguments of a command that takes none.</summary>
internal sealed record NoArguments
{
    /// <summary>As JSON.</summary>
    public static JsonElement Element { get; } = JsonSerializer.SerializeToElement(new NoArguments(), QmpJson.Default.NoArguments);
}
