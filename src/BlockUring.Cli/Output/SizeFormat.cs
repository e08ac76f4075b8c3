namespace BlockUring.Cli.Output;

/// <summary>Numbers as qemu-img prints them for people.</summary>
internal static class SizeFormat
{
    private static readonly string[] Prefixes = ["", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei"];

    /// <summary>A size with three significant digits in the largest unit that keeps it below 1000: "196 KiB", "1.5 GiB".</summary>
    /// <param name="bytes">0 or more.</param>
    public static string Human(long bytes)
    {
        var power = 0;
        // Why: the unit changes at 1000, not at 1024, so that three digits always suffice.
        if (bytes > 0)
            power = Math.ILogB(bytes / (1000.0 / 1024.0)) / 10;
        return $"{ThreeDigits((double)bytes / (1L << (10 * power)))} {Prefixes[power]}B";
    }

    /// <summary>A number with a fixed count of decimals, a tie to even as in C.</summary>
    public static string Fixed(double value, int decimals) =>
        Math.Round((decimal)value, decimals, MidpointRounding.ToEven).ToString("F" + decimals);

    // C's %.3g for 0 and values from 0.9 to 1024.
    private static string ThreeDigits(double value)
    {
        var decimals = value < 1 ? 3 : value < 10 ? 2 : value < 100 ? 1 : 0;
        var text = Fixed(value, decimals);
        if (text == "1000")
            return "1e+03";
        return text.Contains('.') ? text.TrimEnd('0').TrimEnd('.') : text;
    }
}
