using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using BlockUring.Qmp.Schema;

namespace BlockUring.Qmp.Commands;

/// <summary>A command of the monitor. Its arguments and its answer are as the definition has them.</summary>
internal abstract class QmpCommand(string name)
{
    private SchemaCommand? definition;

    /// <summary>Its name on the wire.</summary>
    public string Name => name;

    /// <summary>What the definition says of it.</summary>
    public virtual SchemaCommand Definition => definition ??=
        QapiSchema.Current.TryGetCommand(name, out var found) ? found : throw new InvalidOperationException($"The command {name} is not defined.");

    /// <summary>What the arguments are read as.</summary>
    public abstract JsonTypeInfo ArgumentsInfo { get; }

    /// <summary>What the answer is written from.</summary>
    public abstract JsonTypeInfo ResultInfo { get; }

    /// <summary>Runs it.</summary>
    /// <param name="context">What it works on.</param>
    /// <param name="session">Who asks.</param>
    /// <param name="arguments">Have been checked.</param>
    /// <exception cref="QmpException">It failed.</exception>
    public abstract ValueTask<JsonElement> InvokeAsync(MonitorContext context, QmpSession session, JsonElement arguments);
}
