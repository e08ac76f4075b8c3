using System.Globalization;

namespace BlockUring.Images;

/// <summary>Sizes as QEMU writes them: a number, decimal or 0x hexadecimal, with an optional suffix of powers of 1024.</summary>
public static class SizeText
{
    private const int MaxFractionDigits = 25;

    /// <summary>Parses "4096", "64k", "1.5G", "0x200"; a suffix is one of b, k, K, M, G, T, P, E.</summary>
    /// <param name="text">The text.</param>
    /// <param name="bytes">The size in bytes, 0 or more.</param>
    public static bool TryParse(ReadOnlySpan<char> text, out long bytes) => TryParse(text, 1, out bytes);

    /// <summary>As <see cref="TryParse(ReadOnlySpan{char}, out long)"/>, with the unit of a number that has no suffix.</summary>
    public static bool TryParse(ReadOnlySpan<char> text, long defaultUnit, out long bytes)
    {
        var parsed = Parse(text, defaultUnit, out var value) == SizeTextResult.Parsed && value <= long.MaxValue;
        bytes = parsed ? (long)value : 0;
        return parsed;
    }

    /// <summary>Parses a size and tells what is wrong with one that is not.</summary>
    /// <param name="text">The text; blanks and a plus sign may come first. A fraction needs a suffix and is rounded to the nearest byte.</param>
    /// <param name="defaultUnit">Bytes of a number without a suffix.</param>
    /// <param name="bytes">The size in bytes; 0 unless parsed.</param>
    public static SizeTextResult Parse(ReadOnlySpan<char> text, long defaultUnit, out ulong bytes)
    {
        bytes = 0;
        text = text.TrimStart(" \t\n\v\f\r");
        if (text.StartsWith('+'))
            text = text[1..];
        if (text.StartsWith("0x", StringComparison.OrdinalIgnoreCase))
            return ParseHexadecimal(text[2..], defaultUnit, out bytes);

        var digits = CountDigits(text);
        if (digits == 0)
            return SizeTextResult.Malformed;
        var whole = text[..digits];
        text = text[digits..];
        var fraction = default(ReadOnlySpan<char>);
        if (text.StartsWith('.'))
        {
            fraction = text[1..(1 + CountDigits(text[1..]))];
            text = text[(1 + fraction.Length)..];
        }

        if (!TryTakeUnit(ref text, defaultUnit, out var unit))
            return SizeTextResult.Malformed;
        if (unit == 1 && fraction.ContainsAnyExcept('0'))
            return SizeTextResult.Malformed;
        if (!ulong.TryParse(whole, NumberStyles.None, CultureInfo.InvariantCulture, out var value))
            return SizeTextResult.TooLarge;
        return Multiply(value, FractionOf(fraction, unit), unit, out bytes);
    }

    private static SizeTextResult ParseHexadecimal(ReadOnlySpan<char> text, long defaultUnit, out ulong bytes)
    {
        bytes = 0;
        var count = 0;
        while (count < text.Length && char.IsAsciiHexDigit(text[count]))
            count++;
        var digits = text[..count];
        text = text[count..];
        if (digits.IsEmpty || !TryTakeUnit(ref text, defaultUnit, out var unit))
            return SizeTextResult.Malformed;
        return ulong.TryParse(digits, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var value)
            ? Multiply(value, 0, unit, out bytes)
            : SizeTextResult.TooLarge;
    }

    private static int CountDigits(ReadOnlySpan<char> text)
    {
        var count = text.IndexOfAnyExceptInRange('0', '9');
        return count < 0 ? text.Length : count;
    }

    // Bytes that "0.FRACTION" of a unit is, to the nearest byte.
    private static ulong FractionOf(ReadOnlySpan<char> digits, long unit)
    {
        if (digits.IsEmpty)
            return 0;
        if (digits.Length > MaxFractionDigits)
            digits = digits[..MaxFractionDigits];
        var part = decimal.Parse($"0.{digits}", NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture);
        return (ulong)Math.Round(part * unit, MidpointRounding.AwayFromZero);
    }

    private static SizeTextResult Multiply(ulong value, ulong fraction, long unit, out ulong product)
    {
        var exact = (UInt128)value * (ulong)unit + fraction;
        product = exact <= ulong.MaxValue ? (ulong)exact : 0;
        return exact <= ulong.MaxValue ? SizeTextResult.Parsed : SizeTextResult.TooLarge;
    }

    // Takes the suffix, if there is one; what is left then must be nothing.
    private static bool TryTakeUnit(ref ReadOnlySpan<char> text, long defaultUnit, out long unit)
    {
        unit = defaultUnit;
        if (text.IsEmpty)
            return true;
        var power = "bkmgtpe".IndexOf(char.ToLowerInvariant(text[0]));
        unit = power < 0 ? 1 : 1L << (10 * power);
        return power >= 0 && text.Length == 1;
    }
}
