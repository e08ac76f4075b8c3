using System.Text;
using BlockUring.Images;

namespace BlockUring.Cli.Output;

/// <summary>
/// Facts as JSON and as indented text, byte for byte as QEMU prints them: four blanks a level, ASCII only, members in the order of
/// QEMU's dictionaries.
/// </summary>
internal static class JsonText
{
    private const int BucketCount = 512;

    /// <summary>An object or a list of objects as indented JSON, without a final line feed.</summary>
    public static string Pretty(object value)
    {
        var text = new StringBuilder();
        WriteValue(text, value, 0);
        return text.ToString();
    }

    /// <summary>An object as lines "name: value", nested ones indented by four more blanks; dashes in names become blanks.</summary>
    public static string Lines(InfoObject value, int level)
    {
        var text = new StringBuilder();
        WriteLines(text, value, level);
        return text.ToString();
    }

    /// <summary>The members in the order in which QEMU's dictionaries yield them: by hash bucket, the last added first within one.</summary>
    internal static IEnumerable<KeyValuePair<string, object>> Ordered(InfoObject value) =>
        value.Reverse().OrderBy(member => Bucket(member.Key));

    // The bucket that QEMU's dictionary puts a name into; what the files of scripts and tests hold depends on it.
    private static uint Bucket(string name)
    {
        var hash = 0x238F13AFu * (uint)name.Length;
        for (var i = 0; i < name.Length; i++)
            hash += (uint)name[i] << (i * 5 % 24);
        return (1103515243u * hash + 12345u) % BucketCount;
    }

    private static void WriteValue(StringBuilder text, object value, int level)
    {
        switch (value)
        {
            case string s:
                WriteQuoted(text, s);
                break;
            case bool b:
                text.Append(b ? "true" : "false");
                break;
            case InfoObject nested:
                WriteMembers(text, '{', '}', Ordered(nested), level, (member, inner) =>
                {
                    WriteQuoted(text, member.Key);
                    text.Append(": ");
                    WriteValue(text, member.Value, inner);
                });
                break;
            case IEnumerable<object> list:
                WriteMembers(text, '[', ']', list, level, (item, inner) => WriteValue(text, item, inner));
                break;
            default:
                text.Append(value);
                break;
        }
    }

    private static void WriteMembers<T>(StringBuilder text, char open, char close, IEnumerable<T> members, int level, Action<T, int> write)
    {
        text.Append(open);
        var separator = "";
        foreach (var member in members)
        {
            text.Append(separator);
            NewLine(text, level + 1);
            write(member, level + 1);
            separator = ",";
        }

        NewLine(text, level);
        text.Append(close);
    }

    private static void NewLine(StringBuilder text, int level) => text.Append('\n').Append(' ', level * 4);

    private static void WriteQuoted(StringBuilder text, string value)
    {
        text.Append('"');
        foreach (var c in value)
        {
            _ = c switch
            {
                '"' => text.Append("\\\""),
                '\\' => text.Append("\\\\"),
                '\b' => text.Append("\\b"),
                '\f' => text.Append("\\f"),
                '\n' => text.Append("\\n"),
                '\r' => text.Append("\\r"),
                '\t' => text.Append("\\t"),
                < ' ' or >= '\u007f' => text.Append($"\\u{(int)c:X4}"),
                _ => text.Append(c),
            };
        }

        text.Append('"');
    }

    private static void WriteLines(StringBuilder text, InfoObject value, int level)
    {
        foreach (var (name, member) in Ordered(value))
            WriteLine(text, name.Replace('-', ' '), member, level);
    }

    private static void WriteLine(StringBuilder text, string name, object value, int level)
    {
        text.Append(' ', level * 4).Append(name).Append(':');
        switch (value)
        {
            case InfoObject nested:
                text.Append('\n');
                WriteLines(text, nested, level + 1);
                break;
            case IEnumerable<object> list:
                text.Append('\n');
                var index = 0;
                foreach (var item in list)
                    WriteLine(text, $"[{index++}]", item, level + 1);
                break;
            default:
                text.Append(' ').Append(value is bool b ? (b ? "true" : "false") : value).Append('\n');
                break;
        }
    }
}
