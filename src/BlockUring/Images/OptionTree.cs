using System.Diagnostics.CodeAnalysis;
using System.Text.Json;
using BlockUring.Storage;

namespace BlockUring.Images;

/// <summary>
/// Options by dotted name, as QEMU's block layer takes them: "driver", "file.filename". Made from `key=value,…` text, from a
/// `json:{…}` pseudo-protocol name, or by hand. Values are text; JSON booleans are "on" and "off".
/// </summary>
public sealed class OptionTree
{
    /// <summary>The most options one tree may have.</summary>
    public const int MaxCount = 256;

    private const int MaxDepth = 32;

    private readonly SortedDictionary<string, string> values = new(StringComparer.Ordinal);

    /// <summary>The options, sorted by name.</summary>
    public IReadOnlyDictionary<string, string> Values => values;

    /// <summary>Whether there is none.</summary>
    public bool IsEmpty => values.Count == 0;

    /// <summary>Parses `key=value,key=value`; a comma in a value is doubled; a key alone means "on".</summary>
    /// <exception cref="BlockException">The text is malformed.</exception>
    public static OptionTree ParseKeyValues(string text)
    {
        var tree = new OptionTree();
        foreach (var (key, value) in SplitKeyValues(text))
            tree.Set(key, value ?? "on");
        return tree;
    }

    /// <summary>Splits `key=value,key` at single commas; a missing value is null.</summary>
    public static IEnumerable<(string Key, string? Value)> SplitKeyValues(string text)
    {
        var position = 0;
        while (position < text.Length)
        {
            var item = new System.Text.StringBuilder();
            while (position < text.Length)
            {
                if (text[position] == ',')
                {
                    if (position + 1 >= text.Length || text[position + 1] != ',')
                        break;
                    position++;
                }

                item.Append(text[position++]);
            }

            position++;
            var whole = item.ToString();
            var equals = whole.IndexOf('=');
            if (whole.Length == 0)
                continue;
            yield return equals < 0 ? (whole, null) : (whole[..equals], whole[(equals + 1)..]);
        }
    }

    /// <summary>Parses the text after "json:".</summary>
    /// <exception cref="BlockException">It is not a JSON object, or nests too deeply.</exception>
    public static OptionTree ParseJson(string json)
    {
        try
        {
            using var document = JsonDocument.Parse(json, new JsonDocumentOptions { MaxDepth = MaxDepth });
            if (document.RootElement.ValueKind != JsonValueKind.Object)
                throw new BlockException(BlockErrorKind.Invalid, "Invalid JSON object given");
            var tree = new OptionTree();
            tree.Flatten("", document.RootElement);
            return tree;
        }
        catch (JsonException e)
        {
            throw new BlockException(BlockErrorKind.Invalid, $"Could not parse the JSON options: {e.Message}", inner: e);
        }
    }

    /// <summary>The options that a JSON object holds.</summary>
    /// <exception cref="BlockException">There are too many.</exception>
    public static OptionTree Of(JsonElement json)
    {
        var tree = new OptionTree();
        tree.Flatten("", json);
        return tree;
    }

    /// <summary>Sets an option; an earlier value is replaced.</summary>
    public void Set(string name, string value)
    {
        values[name] = value;
        if (values.Count > MaxCount)
            throw new BlockException(BlockErrorKind.Limit, $"More than {MaxCount} options given");
    }

    /// <summary>The value of an option, null when it is not given.</summary>
    public string? Get(string name) => values.GetValueOrDefault(name);

    /// <summary>Takes an option out, so that what is left at the end is unknown to everyone.</summary>
    public bool TryTake(string name, [NotNullWhen(true)] out string? value) => values.Remove(name, out value);

    /// <summary>Takes all options below <paramref name="prefix"/> ("file") out, as a tree of their own without the prefix.</summary>
    public OptionTree TakeSubtree(string prefix)
    {
        var dotted = prefix + ".";
        var subtree = new OptionTree();
        foreach (var (name, value) in values.Where(v => v.Key.StartsWith(dotted, StringComparison.Ordinal)).ToList())
        {
            subtree.values[name[dotted.Length..]] = value;
            values.Remove(name);
        }

        return subtree;
    }

    /// <summary>A copy that can be changed on its own.</summary>
    public OptionTree Clone()
    {
        var clone = new OptionTree();
        foreach (var (name, value) in values)
            clone.values[name] = value;
        return clone;
    }

    private void Flatten(string name, JsonElement element)
    {
        switch (element.ValueKind)
        {
            case JsonValueKind.Object:
                foreach (var member in element.EnumerateObject())
                    Flatten(name.Length == 0 ? member.Name : $"{name}.{member.Name}", member.Value);
                break;
            case JsonValueKind.Array:
                var index = 0;
                foreach (var item in element.EnumerateArray())
                    Flatten($"{name}.{index++}", item);
                break;
            case JsonValueKind.True:
                Set(name, "on");
                break;
            case JsonValueKind.False:
                Set(name, "off");
                break;
            case JsonValueKind.Null:
                Set(name, "");
                break;
            case JsonValueKind.String:
                Set(name, element.GetString()!);
                break;
            default:
                Set(name, element.GetRawText());
                break;
        }
    }
}
