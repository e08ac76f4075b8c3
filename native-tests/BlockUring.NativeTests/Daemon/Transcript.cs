using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.RegularExpressions;

namespace BlockUring.NativeTests.Daemon;

/// <summary>What was said and heard, in lines that are equal wherever two daemons mean the same.</summary>
/// <remarks>
/// Members are sorted, timestamps left out, the folder of the test is called DIR, names that the daemon makes up are called #block*, the program
/// is called daemon, and the values of masked members are stars.
/// </remarks>
internal sealed partial class Transcript(string folder)
{
    private static readonly JsonWriterOptions Plain = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    private readonly StringBuilder text = new();
    private readonly HashSet<string> masked = [];
    private readonly List<JsonElement> held = [];

    /// <summary>From here on the values of these members are not compared.</summary>
    public void Mask(params IEnumerable<string> members) => masked.UnionWith(members);

    /// <summary>From here on the values of these members are compared again.</summary>
    public void Unmask(params IEnumerable<string> members) => masked.ExceptWith(members);

    /// <summary>Adds lines as they are, but for names.</summary>
    public void Add(string lines)
    {
        Flush();
        Append(lines);
    }

    /// <summary>Adds what the monitor sent.</summary>
    public void AddReply(JsonElement message)
    {
        Flush();
        Write(message);
    }

    /// <summary>Adds events, but for the pauses of drains: a job that pauses and goes on before anything else happens.</summary>
    public void AddEvents(IEnumerable<JsonElement> events)
    {
        foreach (var message in events)
        {
            if (HasStatus(message, "paused", "standby"))
                held.Add(message);
            else if (!EndPause(held, message))
                Write(message);
        }
    }

    /// <summary>Adds an event to a list; the end of a pause takes its beginning out.</summary>
    public static void DropPauses(List<JsonElement> events, JsonElement message)
    {
        if (!EndPause(events, message))
            events.Add(message);
    }

    /// <summary>Adds what a program wrote: its standard output or error, but for the remarks of image creation.</summary>
    public void AddOutput(string mark, string output)
    {
        var lines = output.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        foreach (var line in lines.Where(l => !l.StartsWith("Formatting '", StringComparison.Ordinal)))
            Add($"    {mark} {ProgramName().Replace(line, "daemon: ")}");
    }

    /// <summary>A value with its members sorted and masked; an array of more than one object has a line for each.</summary>
    public string Show(JsonElement value)
    {
        if (value.ValueKind == JsonValueKind.Array && value.GetArrayLength() > 1 && value[0].ValueKind == JsonValueKind.Object)
            return "[" + string.Join(",", InOrder(value).Select(i => "\n      " + Show(i))) + "]";
        using var stream = new MemoryStream();
        using (var writer = new Utf8JsonWriter(stream, Plain))
            Write(writer, value);
        return Encoding.UTF8.GetString(stream.ToArray());
    }

    // Character devices come in any order.
    private static IEnumerable<JsonElement> InOrder(JsonElement objects) => objects[0].TryGetProperty("label", out _)
        ? objects.EnumerateArray().OrderBy(o => o.GetProperty("label").GetString(), StringComparer.Ordinal)
        : objects.EnumerateArray();

    public override string ToString()
    {
        Flush();
        return text.ToString();
    }

    private void Flush()
    {
        foreach (var message in held)
            Write(message);
        held.Clear();
    }

    private void Append(string lines)
    {
        var plain = lines.Replace(folder, "DIR", StringComparison.Ordinal);
        text.Append(MadeUpName().Replace(plain, "#block*")).Append('\n');
    }

    private void Write(JsonElement message)
    {
        if (message.TryGetProperty("event", out var name))
            Append($"    ! {name} {(message.TryGetProperty("data", out var data) ? Show(data) : "")}".TrimEnd());
        else if (message.TryGetProperty("return", out var result))
            Append($"    {Show(result)}{ShowId(message)}");
        else if (message.TryGetProperty("error", out var error) && error.EnumerateObject().Count() == 2)
            Append($"    {error.GetProperty("class")}: {error.GetProperty("desc")}{ShowId(message)}");
        else
            Append($"    {Show(message)}");
    }

    private static bool EndPause(List<JsonElement> events, JsonElement message)
    {
        var pause = HasStatus(message, "running", "ready")
            ? events.FindIndex(e => HasStatus(e, "paused", "standby") && Id(e) == Id(message))
            : -1;
        if (pause >= 0)
            events.RemoveAt(pause);
        return pause >= 0;
    }

    private static bool HasStatus(JsonElement message, params string[] statuses) =>
        message.GetProperty("event").GetString() == "JOB_STATUS_CHANGE" &&
        statuses.Contains(message.GetProperty("data").GetProperty("status").GetString());

    private static string? Id(JsonElement message) => message.GetProperty("data").GetProperty("id").GetString();

    private string ShowId(JsonElement message) => message.TryGetProperty("id", out var id) ? $" id {Show(id)}" : "";

    private void Write(Utf8JsonWriter writer, JsonElement value)
    {
        if (value.ValueKind == JsonValueKind.Object)
        {
            writer.WriteStartObject();
            foreach (var member in value.EnumerateObject().Where(m => m.Name != "timestamp").OrderBy(m => m.Name, StringComparer.Ordinal))
            {
                writer.WritePropertyName(member.Name);
                if (masked.Contains(member.Name))
                    writer.WriteStringValue("*");
                else
                    Write(writer, member.Value);
            }

            writer.WriteEndObject();
        }
        else if (value.ValueKind == JsonValueKind.Array)
        {
            writer.WriteStartArray();
            foreach (var item in value.EnumerateArray())
                Write(writer, item);
            writer.WriteEndArray();
        }
        else
            value.WriteTo(writer);
    }

    [GeneratedRegex("#block[0-9]+")]
    private static partial Regex MadeUpName();

    [GeneratedRegex("^([^ ]*/)?(qemu-storage-daemon|blockuring)( daemon)?: ")]
    private static partial Regex ProgramName();
}
