using System.Text;

namespace BlockUring.Images.Qcow2;

/// <summary>
/// The feature name table (specification: "Feature name table"): entries of 48 bytes.
/// <code>
///  0   1  which bits: 0 incompatible, 1 compatible, 2 autoclear
///  1   1  bit number
///  2  46  name, padded with zeroes
/// </code>
/// </summary>
internal static class FeatureNames
{
    public const int EntryLength = 48;

    private static readonly (byte Kind, byte Bit, string Name)[] Known =
    [
        (0, 0, "dirty bit"),
        (0, 1, "corrupt bit"),
        (0, 2, "external data file"),
        (0, 3, "compression type"),
        (0, 4, "extended L2 entries"),
        (1, 0, "lazy refcounts"),
        (2, 0, "bitmaps"),
        (2, 1, "raw external data"),
    ];

    /// <summary>The table that new images get, so that older programs can name what they do not know.</summary>
    public static byte[] Serialize()
    {
        var table = new byte[Known.Length * EntryLength];
        for (var i = 0; i < Known.Length; i++)
        {
            var entry = table.AsSpan(i * EntryLength, EntryLength);
            entry[0] = Known[i].Kind;
            entry[1] = Known[i].Bit;
            Encoding.ASCII.GetBytes(Known[i].Name, entry[2..]);
        }

        return table;
    }

    /// <summary>Names for incompatible bits by the image's own table; those without a name as a hexadecimal mask.</summary>
    public static string Describe(ReadOnlySpan<byte> table, ulong bits)
    {
        var names = new List<string>();
        for (; table.Length >= EntryLength && table[2] != 0; table = table[EntryLength..])
        {
            var mask = table[1] < 64 ? 1ul << table[1] : 0;
            if (table[0] != 0 || (bits & mask) == 0)
                continue;
            names.Add(Printable(table[2..EntryLength]));
            bits &= ~mask;
        }

        if (bits != 0)
            names.Add($"Unknown incompatible feature: {bits:x}");
        return string.Join(", ", names);
    }

    private static string Printable(ReadOnlySpan<byte> name)
    {
        var end = name.IndexOf((byte)0);
        var text = Encoding.UTF8.GetString(end < 0 ? name : name[..end]);
        return string.Create(text.Length, text, (span, source) =>
        {
            for (var i = 0; i < span.Length; i++)
                span[i] = char.IsControl(source[i]) ? '?' : source[i];
        });
    }
}
