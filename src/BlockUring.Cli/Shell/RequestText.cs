using System.Buffers;
using System.Globalization;
using System.Text;
using System.Text.Json;
using BlockUring.Cli.Img;

namespace BlockUring.Cli.Shell;

/// <summary>Requests as people write them: a command and key=value words; or JSON, as it is.</summary>
internal static class RequestText
{
    /// <summary>Splits a line at blanks that are not inside quotation marks, braces or brackets. Marks around a whole word or value go.</summary>
    public static List<string> Split(string line)
    {
        List<string> words = [];
        var word = new StringBuilder();
        var (depth, mark) = (0, '\0');
        foreach (var c in line + " ")
        {
            if (mark != '\0')
                mark = c == mark ? '\0' : mark;
            else if (c is '"' or '\'')
                mark = c;
            else if (c is '{' or '[')
                depth++;
            else if (c is '}' or ']')
                depth--;
            else if (char.IsWhiteSpace(c) && depth <= 0)
            {
                if (word.Length > 0)
                    words.Add(word.ToString());
                word.Clear();
                continue;
            }

            word.Append(c);
        }

        if (word.ToString().Trim() is { Length: > 0 } rest)
            words.Add(rest);
        return words;
    }

    /// <summary>The request that words mean.</summary>
    /// <param name="words">A command and its arguments, or one JSON object.</param>
    /// <param name="schema">Says which values are text.</param>
    /// <returns>JSON on one line.</returns>
    /// <exception cref="CommandFailure">A word is no argument.</exception>
    public static string Make(IReadOnlyList<string> words, MonitorSchema schema)
    {
        if (words[0].StartsWith('{'))
            return string.Join(' ', words).ReplaceLineEndings(" ");
        SortedDictionary<string, object> arguments = new(StringComparer.Ordinal);
        foreach (var word in words.Skip(1))
        {
            var equals = word.IndexOf('=');
            if (equals <= 0)
                throw new CommandFailure($"'{word}' is no argument: key=value is expected");
            Put(arguments, word[..equals].Split('.'), Parse(word[(equals + 1)..], schema.JsonTypeOf(words[0], word[..equals].Split('.'))));
        }

        var output = new ArrayBufferWriter<byte>();
        using var writer = new Utf8JsonWriter(output);
        writer.WriteStartObject();
        writer.WriteString("execute", words[0]);
        if (arguments.Count > 0)
        {
            writer.WritePropertyName("arguments");
            Write(writer, arguments);
        }

        writer.WriteEndObject();
        writer.Flush();
        return Encoding.UTF8.GetString(output.WrittenSpan);
    }

    private static void Put(SortedDictionary<string, object> folder, string[] path, JsonElement value)
    {
        foreach (var key in path[..^1])
        {
            if (!folder.TryGetValue(key, out var below))
                folder.Add(key, below = new SortedDictionary<string, object>(StringComparer.Ordinal));
            folder = below as SortedDictionary<string, object> ?? throw new CommandFailure($"'{key}' cannot be a value and an object");
        }

        folder[path[^1]] = value;
    }

    // What is not of the type goes as text: the monitor has the better words for it.
    private static JsonElement Parse(string text, string? type) => type switch
    {
        "boolean" when text is "on" or "yes" or "true" => Json("true")!.Value,
        "boolean" when text is "off" or "no" or "false" => Json("false")!.Value,
        "int" when long.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out _) => Json(text)!.Value,
        "string" or "boolean" => Text(text),
        "alternate" when text.Length > 0 && text[0] is not ('{' or '[' or '"') && text != "null" => Text(text),
        _ => Json(text.Replace('\'', '"')) ?? Text(text),
    };

    private static JsonElement Text(string text)
    {
        if (text.Length >= 2 && text[0] is '"' or '\'' && text[^1] == text[0])
            text = text[1..^1];
        var output = new ArrayBufferWriter<byte>();
        using var writer = new Utf8JsonWriter(output);
        writer.WriteStringValue(text);
        writer.Flush();
        return JsonDocument.Parse(output.WrittenMemory).RootElement;
    }

    private static JsonElement? Json(string text)
    {
        try
        {
            return JsonDocument.Parse(text).RootElement;
        }
        catch (JsonException)
        {
            return null;
        }
    }

    private static void Write(Utf8JsonWriter writer, SortedDictionary<string, object> folder)
    {
        writer.WriteStartObject();
        foreach (var (key, value) in folder)
        {
            writer.WritePropertyName(key);
            if (value is SortedDictionary<string, object> below)
                Write(writer, below);
            else
                ((JsonElement)value).WriteTo(writer);
        }

        writer.WriteEndObject();
    }
}
