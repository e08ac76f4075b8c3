using System.Text.Json;

namespace BlockUring.Cli.Shell;

/// <summary>What a monitor says of its commands (query-qmp-schema): names to complete, and types of values.</summary>
internal sealed class MonitorSchema
{
    private readonly Dictionary<string, JsonElement> entities = new(StringComparer.Ordinal);

    /// <summary>Reads the answer of query-qmp-schema.</summary>
    public MonitorSchema(JsonElement answer)
    {
        foreach (var entity in answer.EnumerateArray())
            entities[entity.GetProperty("name").GetString()!] = entity;
    }

    /// <summary>The commands, sorted.</summary>
    public IEnumerable<string> Commands =>
        entities.Values.Where(e => MetaType(e) == "command").Select(e => e.GetProperty("name").GetString()!).Order(StringComparer.Ordinal);

    /// <summary>The keys of arguments below a path, in the order of the definition.</summary>
    /// <param name="command">Its name.</param>
    /// <param name="path">Keys of objects that lead there; empty for the arguments themselves.</param>
    public IEnumerable<string> KeysOf(string command, IEnumerable<string> path)
    {
        var type = ArgumentsOf(command);
        foreach (var key in path)
            type = TypeOf(type, key);
        return MembersOf(type).Select(m => m.GetProperty("name").GetString()!).Distinct();
    }

    /// <summary>The words that the argument at a path may be; empty where anything goes.</summary>
    public IEnumerable<string> WordsOf(string command, IEnumerable<string> path)
    {
        var type = Find(command, path);
        if (JsonTypeOf(type) == "boolean")
            return ["on", "off"];
        return type is { } found && MetaType(found) == "enum" ? found.GetProperty("values").EnumerateArray().Select(v => v.GetString()!) : [];
    }

    /// <summary>The JSON type of the argument at a path: "string", "int", "boolean" and so on; null when it is not known.</summary>
    public string? JsonTypeOf(string command, IEnumerable<string> path) => JsonTypeOf(Find(command, path));

    private JsonElement? Find(string command, IEnumerable<string> path)
    {
        var type = ArgumentsOf(command);
        foreach (var key in path)
            type = TypeOf(type, key);
        return type;
    }

    private JsonElement? ArgumentsOf(string command) =>
        entities.TryGetValue(command, out var found) && MetaType(found) == "command" ? entities[found.GetProperty("arg-type").GetString()!] : null;

    private JsonElement? TypeOf(JsonElement? type, string key)
    {
        foreach (var member in MembersOf(type))
        {
            if (member.GetProperty("name").ValueEquals(key))
                return entities[member.GetProperty("type").GetString()!];
        }

        return null;
    }

    // Those of all variants: which one is meant is the user's business.
    private IEnumerable<JsonElement> MembersOf(JsonElement? type)
    {
        if (type is not { } found)
            return [];
        return MetaType(found) switch
        {
            "object" => found.GetProperty("members").EnumerateArray().Concat(
                found.TryGetProperty("variants", out var variants)
                    ? variants.EnumerateArray().SelectMany(v => MembersOf(entities[v.GetProperty("type").GetString()!]))
                    : []),
            "alternate" => found.GetProperty("members").EnumerateArray().Select(m => entities[m.GetProperty("type").GetString()!])
                .Where(t => MetaType(t) == "object").SelectMany(t => MembersOf(t)),
            _ => [],
        };
    }

    private static string? JsonTypeOf(JsonElement? type) => type is not { } found ? null : MetaType(found) switch
    {
        "builtin" => found.GetProperty("json-type").GetString(),
        "enum" => "string",
        "array" => "array",
        "object" => "object",
        _ => "alternate",
    };

    private static string MetaType(JsonElement entity) => entity.GetProperty("meta-type").GetString()!;
}
