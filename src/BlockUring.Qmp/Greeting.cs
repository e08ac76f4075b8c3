using System.Text.Json;
using BlockUring.Qmp.Commands;

namespace BlockUring.Qmp;

/// <summary>What a client is told first.</summary>
internal static class Greeting
{
    /// <summary>The content of "QMP".</summary>
    public static JsonElement Content { get; } =
        JsonSerializer.SerializeToElement(new GreetingInfo(VersionInfo.Current, ["oob"]), QmpJson.Default.GreetingInfo);
}
