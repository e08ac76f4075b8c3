using System.Globalization;

namespace BlockUring.Images;

/// <summary>Sizes as QEMU writes them: a number, decimal or 0x hexadecimal, with an optional suffix of powers of 1024.</summary>
public static class SizeText
{
    /// <summary>Parses "4096", "64k", "1.5G", "0x200"; a suffix is one of b, k, K, M, G, T, P, E.</summary>
    /// <param name="text">The text.</param>
    /// <param name="bytes">The size in bytes, 0 or more.</param>
    public static bool TryParse(ReadOnlySpan<char> text, out long bytes) => TryParse(text, 1, out bytes);

    /// <summary>As <see cref="TryParse(ReadOnlySpan{char}, out long)"/>, with the unit of a number that has no suffix.</summary>
    public static bool TryParse(ReadOnlySpan<char> text, long defaultUnit, out long bytes)
    {
        bytes = 0;
        if (text.IsEmpty)
            return false;
        if (text.StartsWith("0x", StringComparison.OrdinalIgnoreCase))
            return TryParseHexadecimal(text[2..], defaultUnit, out bytes);

        var unit = defaultUnit;
        if (TryUnit(text[^1], out var suffix))
        {
            unit = suffix;
            text = text[..^1];
        }

        if (text.IsEmpty || !char.IsAsciiDigit(text[0]))
            return false;
        if (long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var whole))
            return TryMultiply(whole, unit, out bytes);
        if (unit == 1 || !decimal.TryParse(text, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var fraction))
            return false;
        var product = Math.Floor(fraction * unit);
        if (product > long.MaxValue)
            return false;
        bytes = (long)product;
        return true;
    }

    private static bool TryParseHexadecimal(ReadOnlySpan<char> digits, long defaultUnit, out long bytes)
    {
        // Why: b and E are hexadecimal digits, so only the other suffixes can follow.
        var unit = defaultUnit;
        if (digits.Length > 1 && !char.IsAsciiHexDigit(digits[^1]) && TryUnit(digits[^1], out var suffix))
        {
            unit = suffix;
            digits = digits[..^1];
        }

        bytes = 0;
        return long.TryParse(digits, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var value)
            && value >= 0 && TryMultiply(value, unit, out bytes);
    }

    private static bool TryMultiply(long value, long unit, out long product)
    {
        var fits = value <= long.MaxValue / unit;
        product = fits ? value * unit : 0;
        return fits;
    }

    private static bool TryUnit(char suffix, out long unit)
    {
        var power = "bkmgtpe".IndexOf(char.ToLowerInvariant(suffix));
        unit = power < 0 ? 1 : 1L << (10 * power);
        return power >= 0;
    }
}
