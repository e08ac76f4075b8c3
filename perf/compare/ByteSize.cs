using System.Globalization;

namespace BlockUring.Compare;

/// <summary>Sizes as people write them: a number with K, M, G or T, powers of 1024.</summary>
internal static class ByteSize
{
    public const long KiB = 1L << 10;
    public const long MiB = 1L << 20;
    public const long GiB = 1L << 30;
    public const long TiB = 1L << 40;

    /// <summary>Reads <paramref name="text"/>; false when it is no size, not positive, or not a multiple of 1 MiB.</summary>
    public static bool TryParse(string text, out long bytes)
    {
        bytes = 0;
        if (text.Length == 0)
            return false;
        var unit = char.ToUpperInvariant(text[^1]) switch
        {
            'K' => KiB,
            'M' => MiB,
            'G' => GiB,
            'T' => TiB,
            _ => 0L,
        };
        var digits = unit == 0 ? text : text[..^1];
        if (!long.TryParse(digits, NumberStyles.None, CultureInfo.InvariantCulture, out var number) || number > 8 * TiB)
            return false;
        bytes = number * Math.Max(unit, 1);
        return bytes > 0 && bytes <= 8 * TiB && bytes % MiB == 0;
    }

    /// <summary>The largest unit that keeps the number at one or more, with at most two decimals.</summary>
    public static string Format(long bytes)
    {
        (double unit, string name) = bytes switch
        {
            >= TiB => ((double)TiB, "TiB"),
            >= GiB => (GiB, "GiB"),
            >= MiB => (MiB, "MiB"),
            >= KiB => (KiB, "KiB"),
            _ => (1, "B"),
        };
        return string.Create(CultureInfo.InvariantCulture, $"{bytes / unit:0.##} {name}");
    }
}
