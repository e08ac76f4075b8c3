using System.Reflection;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using BlockUring.Qmp.Commands;
using BlockUring.Qmp.Commands.Chardevs;
using BlockUring.Qmp.Schema;
using Xunit;

namespace BlockUring.Tests.Qmp;

public class SchemaTests
{
    private static readonly NullabilityInfoContext Nullability = new();

    // Types refer to themselves: images have backing images.
    private readonly HashSet<(SchemaType, Type)> compared = [];

    [Fact]
    public void EveryHandlersRecordsAreAsDefined()
    {
        var offences = new List<string>();
        foreach (var command in CommandRegistry.Create().All)
        {
            Compare(command.Definition.Arguments, command.ArgumentsInfo.Type, $"{command.Name} arguments", isAnswer: false, offences);
            Compare(command.Definition.Result, command.ResultInfo.Type, $"{command.Name} returns", isAnswer: true, offences);
        }

        Assert.Empty(offences);
    }

    [Fact]
    public void ARecordThatDiffersIsFound()
    {
        var definition = new ObjectType("T")
        {
            Members =
            [
                new("frontend-open", BuiltinType.All["bool"], true, []),
                new("label", BuiltinType.All["int"], false, []),
                new("extra", BuiltinType.All["str"], false, []),
            ],
        };
        var offences = new List<string>();
        Compare(definition, typeof(ChardevInfo), "x", isAnswer: false, offences);
        Assert.Equal(
            ["x.frontend-open: optional is True in the definition", "x.label: String for int", "x: extra has no property", "x: filename is not defined"],
            offences.Order(StringComparer.Ordinal));
    }

    [Fact]
    public void EveryCommandAndEventIsExplained() =>
        Assert.Empty(QapiSchema.Current.Entities.Where(e => e is SchemaCommand or SchemaEvent && e.Documentation.Length == 0).Select(e => e.Name));

    [Fact]
    public void EveryNamedTypeIsUsed()
    {
        // These stand for options of the command line.
        var used = new HashSet<SchemaType>();
        foreach (var command in QapiSchema.Current.Commands)
        {
            Visit(command.Arguments, used);
            Visit(command.Result, used);
        }

        foreach (var sent in QapiSchema.Current.Events)
            Visit(sent.Data, used);
        Visit(QapiSchema.Current.Type("MonitorOptions"), used);
        Visit(QapiSchema.Current.Type("NbdServerOptions"), used);

        // And others are based on this.
        Visit(QapiSchema.Current.Type("TlsCredsProperties"), used);
        Assert.Empty(QapiSchema.Current.Entities.OfType<SchemaType>().Except(used).Select(t => t.Name));
    }

    [Fact]
    public void TheDescriptionIsComplete()
    {
        var entities = SchemaIntrospection.Describe(QapiSchema.Current, _ => true).EnumerateArray().ToList();
        var names = entities.Select(e => e.GetProperty("name").GetString()!).ToList();
        Assert.Equal(names.Count, names.Distinct().Count());
        var referred = entities.SelectMany(References).ToHashSet();
        Assert.Empty(referred.Except(names));
        Assert.All(QapiSchema.Current.Commands, c => Assert.Contains(c.Name, names));
        Assert.DoesNotContain("size", names);
    }

    [Fact]
    public void CommandsWithoutAHandlerAreNotOffered()
    {
        var names = SchemaIntrospection.Describe(QapiSchema.Current, c => c.Name == "quit").EnumerateArray().Select(e => e.GetProperty("name").GetString()).ToList();
        Assert.Contains("quit", names);
        Assert.DoesNotContain("query-version", names);
    }

    private static IEnumerable<string> References(JsonElement entity)
    {
        foreach (var name in new[] { "arg-type", "ret-type", "element-type" })
        {
            if (entity.TryGetProperty(name, out var type))
                yield return type.GetString()!;
        }

        var isEnum = entity.GetProperty("meta-type").GetString() == "enum";
        foreach (var list in isEnum ? [] : new[] { "members", "variants" })
        {
            if (!entity.TryGetProperty(list, out var members))
                continue;
            foreach (var member in members.EnumerateArray())
                yield return member.GetProperty("type").GetString()!;
        }
    }

    private static void Visit(SchemaType type, HashSet<SchemaType> used)
    {
        if (!used.Add(type))
            return;
        IEnumerable<SchemaType> below = type switch
        {
            ArrayType array => [array.Element],
            AlternateType alternate => alternate.Branches.Select(b => b.Type),
            ObjectType members => members.Members.Select(m => m.Type).Concat(members.Variants.Values),
            _ => [],
        };
        foreach (var next in below)
            Visit(next, used);
    }

    // An answer may always have what is optional, or never, and integers of any width; arguments are as they were given.
    // What is read or written by hand is a JsonElement; whether it fits is the business of the code that does.
    private void Compare(SchemaType type, Type clr, string where, bool isAnswer, List<string> offences)
    {
        if (clr == typeof(JsonElement) || (type is ObjectType && !compared.Add((type, clr))))
            return;
        switch (type)
        {
            case BuiltinType builtin:
                if (clr != ClrTypeOf(builtin.Kind) && !(isAnswer && builtin.ClientName == "int" && IsInteger(clr)))
                    offences.Add($"{where}: {clr.Name} for {type.Name}");
                break;
            case EnumType words:
                CompareWords(words, clr, where, offences);
                break;
            case ArrayType array:
                Compare(array.Element, clr.GetElementType() ?? clr.GetGenericArguments().FirstOrDefault() ?? typeof(void), where + "[]", isAnswer, offences);
                break;
            case ObjectType { Discriminator: null } members:
                CompareMembers(members, clr, where, isAnswer, offences);
                break;
            default:
                offences.Add($"{where}: {clr.Name} for {type.Name}, which is a JsonElement");
                break;
        }
    }

    private static void CompareWords(EnumType words, Type clr, string where, List<string> offences)
    {
        if (clr == typeof(string))
            return;
        IEnumerable<string> names = clr.IsEnum ? Enum.GetNames(clr).Select(JsonNamingPolicy.KebabCaseLower.ConvertName).Order() : [];
        if (!names.SequenceEqual(words.Values.Select(v => v.Name).Order()))
            offences.Add($"{where}: {clr.Name} has other words than {words.Name}");
    }

    private void CompareMembers(ObjectType type, Type clr, string where, bool isAnswer, List<string> offences)
    {
        var info = QmpJson.Default.GetTypeInfo(clr);
        if (info is not { Kind: JsonTypeInfoKind.Object })
        {
            offences.Add($"{where}: {clr.Name} for {type.Name}");
            return;
        }

        var members = type.Members.ToDictionary(m => m.Name);
        foreach (var property in info.Properties)
        {
            if (!members.Remove(property.Name, out var member))
            {
                offences.Add($"{where}: {property.Name} is not defined");
                continue;
            }

            var path = $"{where}.{property.Name}";
            var isNullable = Nullability.Create((System.Reflection.PropertyInfo)property.AttributeProvider!).ReadState == NullabilityState.Nullable;
            if (isAnswer ? isNullable && !member.IsOptional : isNullable != member.IsOptional)
                offences.Add($"{path}: optional is {member.IsOptional} in the definition");
            Compare(member.Type, Nullable.GetUnderlyingType(property.PropertyType) ?? property.PropertyType, path, isAnswer, offences);
        }

        offences.AddRange(members.Values.Where(m => !isAnswer || !m.IsOptional).Select(m => $"{where}: {m.Name} has no property"));
    }

    private static bool IsInteger(Type clr) => clr == typeof(int) || clr == typeof(uint) || clr == typeof(long) || clr == typeof(ulong);

    private static Type ClrTypeOf(BuiltinKind kind) => kind switch
    {
        BuiltinKind.Str => typeof(string),
        BuiltinKind.Int => typeof(long),
        BuiltinKind.Int32 => typeof(int),
        BuiltinKind.UInt16 => typeof(ushort),
        BuiltinKind.UInt32 => typeof(uint),
        BuiltinKind.UInt64 or BuiltinKind.Size => typeof(ulong),
        BuiltinKind.Number => typeof(double),
        BuiltinKind.Bool => typeof(bool),
        _ => typeof(JsonElement),
    };
}
