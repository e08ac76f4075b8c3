using System.Text.Json;
using BlockUring.Qmp.Commands;

namespace BlockUring.Qmp;

/// <summary>An event as it is sent.</summary>
/// <param name="Name">Of the event.</param>
/// <param name="Data">What it tells.</param>
/// <param name="Timestamp">When it happened.</param>
internal sealed record EventMessage(string Name, JsonElement Data, TimestampInfo Timestamp)
{
    /// <summary>The message's members.</summary>
    public List<(string Name, JsonElement Value)> Members()
    {
        List<(string, JsonElement)> members =
        [
            ("timestamp", JsonSerializer.SerializeToElement(Timestamp, QmpJson.Default.TimestampInfo)),
            ("event", JsonSerializer.SerializeToElement(Name, QmpJson.Default.String)),
        ];

        // Why: an event without members has no "data" at all.
        if (Data.EnumerateObject().Any())
            members.Add(("data", Data));
        return members;
    }
}
