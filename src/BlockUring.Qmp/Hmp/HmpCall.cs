using System.Buffers;
using System.Text;
using System.Text.Json;
using BlockUring.Qmp.Schema;

namespace BlockUring.Qmp.Hmp;

/// <summary>A command of the human monitor at work.</summary>
/// <param name="context">The daemon.</param>
/// <param name="arguments">The command's.</param>
internal sealed class HmpCall(MonitorContext context, HmpArguments arguments)
{
    /// <summary>The daemon.</summary>
    public MonitorContext Context => context;

    /// <summary>The command's arguments.</summary>
    public HmpArguments Arguments => arguments;

    /// <summary>What it prints.</summary>
    public StringBuilder Output { get; } = new();

    /// <summary>Prints a line.</summary>
    public void Print(string line) => Output.Append(line).Append('\n');

    /// <summary>Runs a command of QMP: what people ask for is what clients ask for.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="members">Its arguments: strings, numbers, booleans, and host with port of an address; those that are null are left out.</param>
    /// <exception cref="QmpException">It failed, or there is no such command.</exception>
    /// <exception cref="Storage.BlockException">It failed.</exception>
    public async ValueTask<JsonElement> RunQmpAsync(string name, params (string Name, object? Value)[] members)
    {
        if (!context.Commands.TryGet(name, out var command))
            throw new QmpException($"The command {name} has not been found", QmpErrorClass.CommandNotFound);
        var given = ArgumentChecker.Check(command.Definition.Arguments, Write(members));
        return await command.InvokeAsync(context, null!, given);
    }

    private static JsonElement Write((string Name, object? Value)[] members)
    {
        var buffer = new ArrayBufferWriter<byte>();
        using (var writer = new Utf8JsonWriter(buffer))
        {
            writer.WriteStartObject();
            foreach (var (name, value) in members)
                WriteMember(writer, name, value);
            writer.WriteEndObject();
        }

        using var document = JsonDocument.Parse(buffer.WrittenMemory);
        return document.RootElement.Clone();
    }

    private static void WriteMember(Utf8JsonWriter writer, string name, object? value)
    {
        switch (value)
        {
            case null:
                break;
            case bool flag:
                writer.WriteBoolean(name, flag);
                break;
            case long number:
                writer.WriteNumber(name, number);
                break;
            case (string Name, string Value)[] address:
                writer.WriteStartObject(name);
                writer.WriteString("type", "inet");
                writer.WriteStartObject("data");
                foreach (var (part, text) in address)
                    writer.WriteString(part, text);
                writer.WriteEndObject();
                writer.WriteEndObject();
                break;
            default:
                writer.WriteString(name, (string)value);
                break;
        }
    }
}
