using System.Text.Json;

namespace BlockUring.NativeTests.Qmp;

/// <summary>An answer to query-qmp-schema, by name.</summary>
internal sealed class SchemaView
{
    public SchemaView(JsonElement schema)
    {
        foreach (var entity in schema.EnumerateArray())
        {
            var (name, kind) = (Text(entity, "name"), Text(entity, "meta-type"));
            if (kind is "command" or "event")
                Top.Add((kind, name), entity);
            else
                Types.Add(name, entity);
        }
    }

    public Dictionary<(string Kind, string Name), JsonElement> Top { get; } = [];

    public Dictionary<string, JsonElement> Types { get; } = [];

    public static string Text(JsonElement entity, string member) => entity.GetProperty(member).GetString()!;

    public static List<JsonElement> Items(JsonElement entity, string member) =>
        entity.TryGetProperty(member, out var items) ? [.. items.EnumerateArray()] : [];

    public static string Features(JsonElement entity) => string.Join(' ', Items(entity, "features").Select(f => f.GetString()));
}
