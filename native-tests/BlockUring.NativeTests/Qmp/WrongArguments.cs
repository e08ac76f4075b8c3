using System.Text.Json.Nodes;
using BlockUring.Qmp.Schema;

namespace BlockUring.NativeTests.Qmp;

/// <summary>Arguments that fit the definition but for a place or two.</summary>
internal sealed class WrongArguments(Random random, string[] leftOut)
{
    private const int MaxDepth = 5;

    // Why one only: which of several unexpected members is named first depends on a hash.
    private bool hasUnexpected;

    public string Make(ObjectType type) => Object(type, 0).ToJsonString();

    private JsonNode? Value(SchemaType type, int depth)
    {
        if (random.Next(12) == 0)
            return Wrong();
        return type switch
        {
            BuiltinType builtin => Builtin(builtin.Kind),
            EnumType words => random.Next(8) == 0 ? "nonsense" : Word(words),
            ArrayType array => new JsonArray([.. Enumerable.Range(0, depth > MaxDepth ? 0 : random.Next(3)).Select(_ => Value(array.Element, depth + 1))]),
            AlternateType alternate => Value(Branch(alternate, depth), depth),
            _ => Object((ObjectType)type, depth + 1),
        };
    }

    // The peer has no null job.
    private string Word(EnumType words)
    {
        var word = words.Values[random.Next(words.Values.Count)].Name;
        return word == "null" ? "commit" : word;
    }

    private SchemaType Branch(AlternateType type, int depth) =>
        depth > MaxDepth ? type.Branches.Select(b => b.Type).First(t => t is not ObjectType) : type.Branches[random.Next(type.Branches.Count)].Type;

    private JsonObject Object(ObjectType type, int depth)
    {
        var made = new JsonObject();
        Members(made, type.Members, depth);
        if (type.Discriminator != null && made[type.Discriminator.Name] is JsonValue tag && tag.TryGetValue(out string? value)
            && type.Variants.TryGetValue(value, out var variant))
        {
            Members(made, variant.Members, depth);
        }

        if (!hasUnexpected && random.Next(12) == 0)
        {
            hasUnexpected = true;
            made["surplus"] = Wrong();
        }

        return made;
    }

    private void Members(JsonObject made, IReadOnlyList<SchemaMember> members, int depth)
    {
        foreach (var member in members.Where(m => !leftOut.Contains(m.Name)))
        {
            if (member.IsOptional ? random.Next(3) == 0 : random.Next(15) != 0)
                made[member.Name] = Value(member.Type, depth);
        }
    }

    private JsonNode? Builtin(BuiltinKind kind) => kind switch
    {
        BuiltinKind.Str => "text",
        BuiltinKind.Bool => random.Next(2) == 0,
        BuiltinKind.Null => null,
        BuiltinKind.Number => 1.5,
        BuiltinKind.Any => Wrong(),
        _ => random.Next(6) switch { 0 => -1, 1 => 4294967296, 2 => 18446744073709551615, 3 => 9223372036854775807, _ => 65536 },
    };

    private JsonNode? Wrong() => random.Next(7) switch
    {
        0 => null,
        1 => "text",
        2 => 7,
        3 => 1.5,
        4 => true,
        5 => new JsonArray(),
        _ => new JsonObject(),
    };
}
