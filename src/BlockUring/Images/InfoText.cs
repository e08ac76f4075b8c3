using System.Text;

namespace BlockUring.Images;

/// <summary>Facts as indented text, as QEMU prints them: four blanks a level, members in the order of QEMU's dictionaries.</summary>
public static class InfoText
{
    private const int BucketCount = 512;

    /// <summary>An object as lines "name: value", nested ones indented by four more blanks; dashes in names become blanks.</summary>
    public static string Lines(InfoObject value, int level)
    {
        var text = new StringBuilder();
        WriteLines(text, value, level);
        return text.ToString();
    }

    /// <summary>The members in the order in which QEMU's dictionaries yield them: by hash bucket, the last added first within one.</summary>
    public static IEnumerable<KeyValuePair<string, object>> Ordered(InfoObject value) =>
        value.Reverse().OrderBy(member => Bucket(member.Key));

    // The bucket that QEMU's dictionary puts a name into; what the files of scripts and tests hold depends on it.
    private static uint Bucket(string name)
    {
        var hash = 0x238F13AFu * (uint)name.Length;
        for (var i = 0; i < name.Length; i++)
            hash += (uint)name[i] << (i * 5 % 24);
        return (1103515243u * hash + 12345u) % BucketCount;
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
