using System.Diagnostics.CodeAnalysis;

namespace BlockUring.Qmp.Schema;

/// <summary>The definition of all commands, events and types: what Qapi/*.json says.</summary>
internal sealed class QapiSchema
{
    private static readonly Lazy<QapiSchema> Definition = new(() => SchemaLoader.LoadResources(), LazyThreadSafetyMode.None);

    private readonly Dictionary<string, SchemaCommand> commands;
    private readonly Dictionary<string, SchemaEvent> events;
    private readonly Dictionary<string, SchemaType> types;

    public QapiSchema(IReadOnlyList<SchemaEntity> entities)
    {
        Entities = entities;
        commands = entities.OfType<SchemaCommand>().ToDictionary(c => c.Name, StringComparer.Ordinal);
        events = entities.OfType<SchemaEvent>().ToDictionary(e => e.Name, StringComparer.Ordinal);
        types = entities.OfType<SchemaType>().ToDictionary(t => t.Name, StringComparer.Ordinal);
    }

    /// <summary>This program's, read at the first use.</summary>
    public static QapiSchema Current => Definition.Value;

    /// <summary>Commands, events and named types, in the order of the definition.</summary>
    public IReadOnlyList<SchemaEntity> Entities { get; }

    /// <summary>The commands, in the order of the definition.</summary>
    public IEnumerable<SchemaCommand> Commands => Entities.OfType<SchemaCommand>();

    /// <summary>The events, in the order of the definition.</summary>
    public IEnumerable<SchemaEvent> Events => Entities.OfType<SchemaEvent>();

    /// <summary>Finds a command.</summary>
    public bool TryGetCommand(string name, [NotNullWhen(true)] out SchemaCommand? command) => commands.TryGetValue(name, out command);

    /// <summary>An event that the program itself names.</summary>
    public SchemaEvent Event(string name) => events[name];

    /// <summary>A type that the program itself names.</summary>
    public SchemaType Type(string name) => BuiltinType.All.TryGetValue(name, out var builtin) ? builtin : types[name];
}
