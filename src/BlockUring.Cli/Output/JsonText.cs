using System.Text;
using BlockUring.Images;

namespace BlockUring.Cli.Output;

/// <summary>Facts as JSON, byte for byte as QEMU prints them: four blanks a level, ASCII only, members in the order of QEMU's dictionaries.</summary>
internal static class JsonText
{
    /// <summary>An object or a list of objects as indented JSON, without a final line feed.</summary>
    public static string Pretty(object value)
    {
        var text = new StringBuilder();
        WriteValue(text, value, 0);
        return text.ToString();
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
                WriteMembers(text, '{', '}', InfoText.Ordered(nested), level, (member, inner) =>
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
}
