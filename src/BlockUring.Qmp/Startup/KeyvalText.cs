using System.Globalization;
using System.Text;
using System.Text.Json;
using BlockUring.Qmp.Wire;

namespace BlockUring.Qmp.Startup;

/// <summary>
/// Options of a command line as a tree of texts, with QEMU's errors: `key=value,…`, where dots in a key lead into objects, numbers in it are
/// the items of an array, a comma in a value is doubled, and the first value may come without its key.
/// </summary>
internal sealed class KeyvalText
{
    // The longest part of a key, as QEMU has it.
    private const int MaxPartLength = 127;

    private readonly string text;
    private readonly Dictionary<string, object> root = new(StringComparer.Ordinal);
    private int position;

    private KeyvalText(string text) => this.text = text;

    /// <summary>Parses options.</summary>
    /// <param name="text">What was given.</param>
    /// <param name="impliedKey">The key of a first value that has none; null where it must have one.</param>
    /// <param name="asksForHelp">Whether "help" or "?" stands among them without a value.</param>
    /// <returns>An object of objects, arrays and texts.</returns>
    /// <exception cref="QmpException">The text is malformed.</exception>
    public static JsonElement Parse(string text, string? impliedKey, out bool asksForHelp)
    {
        var parser = new KeyvalText(text);
        asksForHelp = false;
        while (parser.position < text.Length)
        {
            asksForHelp |= parser.TakeOne(impliedKey);
            impliedKey = null;
        }

        var output = new System.Buffers.ArrayBufferWriter<byte>();
        using var writer = new Utf8JsonWriter(output, new JsonWriterOptions { MaxDepth = WireLimits.MaxDepth });
        Write(writer, parser.root, "");
        writer.Flush();
        return JsonDocument.Parse(output.WrittenMemory, new JsonDocumentOptions { MaxDepth = WireLimits.MaxDepth }).RootElement;
    }

    // Returns whether it was a cry for help.
    private bool TakeOne(string? impliedKey)
    {
        var end = text.IndexOfAny(['=', ','], position);
        if (end < 0)
            end = text.Length;
        var word = text[position..end];
        var isAlone = word.Length > 0 && (end == text.Length || text[end] == ',');
        if (isAlone && word is "help" or "?" && (impliedKey == null || end == text.Length || !text.AsSpan(end).StartsWith(",,")))
        {
            position = end + 1;
            return true;
        }

        if (isAlone && impliedKey != null)
        {
            Put(root, impliedKey, word, impliedKey);
            position = end + 1;
            return false;
        }

        var (folder, part) = Descend(word);
        if (end == text.Length || text[end] != '=')
            throw new QmpException($"Expected '=' after parameter '{word}'");
        position = end + 1;
        Put(folder, part, TakeValue(), word);
        return false;
    }

    private (Dictionary<string, object> Folder, string Part) Descend(string key)
    {
        var folder = root;
        var parts = key.Split('.');
        for (var i = 0; ; i++)
        {
            var part = parts[i];
            if (!IsName(part) && (i == 0 || !IsIndex(part)))
                throw new QmpException($"Invalid parameter '{key}'");
            if (part.Length > MaxPartLength)
                throw new QmpException($"Parameter{(parts.Length > 1 ? " fragment" : "")} '{part}' is too long");
            if (i == parts.Length - 1)
                return (folder, part);
            var path = string.Join('.', parts[..(i + 1)]);
            if (!folder.TryGetValue(part, out var below))
                folder.Add(part, below = new Dictionary<string, object>(StringComparer.Ordinal));
            folder = below as Dictionary<string, object> ?? throw new QmpException($"Parameters '{path}.*' used inconsistently");
            if (i > WireLimits.MaxDepth / 2)
                throw new QmpException($"Parameter '{key}' is too long");
        }
    }

    private string TakeValue()
    {
        var value = new StringBuilder();
        while (position < text.Length)
        {
            var c = text[position++];
            if (c == ',')
            {
                if (position == text.Length || text[position] != ',')
                    break;
                position++;
            }

            value.Append(c);
        }

        return value.ToString();
    }

    private static void Put(Dictionary<string, object> folder, string part, string value, string key)
    {
        if (folder.TryGetValue(part, out var old) && old is not string)
            throw new QmpException($"Parameters '{key}.*' used inconsistently");
        folder[part] = value;
    }

    private static void Write(Utf8JsonWriter writer, Dictionary<string, object> folder, string path)
    {
        var indexCount = folder.Keys.Count(IsIndex);
        if (indexCount == 0 || path.Length == 0)
        {
            writer.WriteStartObject();
            foreach (var (name, value) in folder)
            {
                writer.WritePropertyName(name);
                WriteValue(writer, value, $"{path}{name}.");
            }

            writer.WriteEndObject();
            return;
        }

        if (indexCount < folder.Count)
            throw new QmpException($"Parameters '{path}*' used inconsistently");
        var items = folder.ToDictionary(f => int.Parse(f.Key, CultureInfo.InvariantCulture), f => f.Value);
        writer.WriteStartArray();
        for (var i = 0; i < indexCount; i++)
        {
            if (!items.TryGetValue(i, out var item))
                throw new QmpException(string.Create(CultureInfo.InvariantCulture, $"Parameter '{path}{i}' missing"));
            WriteValue(writer, item, string.Create(CultureInfo.InvariantCulture, $"{path}{i}."));
        }

        writer.WriteEndArray();
    }

    private static void WriteValue(Utf8JsonWriter writer, object value, string path)
    {
        if (value is Dictionary<string, object> below)
            Write(writer, below, path);
        else
            writer.WriteStringValue((string)value);
    }

    private static bool IsName(string part) =>
        part.Length > 0 && char.IsAsciiLetter(part[0]) && part.All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_');

    private static bool IsIndex(string part) => part.Length is > 0 and < 10 && part.All(char.IsAsciiDigit);
}
