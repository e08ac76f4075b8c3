using System.Text.Json;

namespace BlockUring.Qmp;

/// <summary>How often an event is sent.</summary>
/// <param name="Pause">Between two of the same source.</param>
/// <param name="SourceMembers">The members that make a source.</param>
/// <param name="Applies">Whether an event with this content can wait.</param>
internal sealed record EventRate(TimeSpan Pause, string[] SourceMembers, Func<JsonElement, bool> Applies)
{
    /// <summary>What events are counted together with this one.</summary>
    public string SourceOf(string name, JsonElement data) =>
        name + string.Concat(SourceMembers.Select(m => "\0" + (data.TryGetProperty(m, out var value) ? value.GetRawText() : "")));
}
