using System.Globalization;
using BlockUring.Images;

namespace BlockUring.Cli.Img;

/// <summary>Numbers on the command line, with qemu-img's messages for those that are not.</summary>
internal static class SizeArgument
{
    /// <summary>Parses a size in bytes.</summary>
    /// <param name="what">What the message calls it: "image size".</param>
    /// <param name="text">The text.</param>
    /// <param name="max">The largest allowed.</param>
    /// <param name="min">The smallest allowed.</param>
    /// <exception cref="CommandFailure">It is no size, or too large or too small.</exception>
    public static long Parse(string what, string text, long max = long.MaxValue, long min = 0)
    {
        var result = SizeText.Parse(text, 1, out var bytes);
        if (result == SizeTextResult.Malformed)
        {
            throw new CommandFailure(
                $"Invalid {what} specified. You may use k, M, G, T, P or E suffixes for\n" +
                "kilobytes, megabytes, gigabytes, terabytes, petabytes and exabytes.");
        }

        if (result == SizeTextResult.TooLarge || bytes > (ulong)max || bytes < (ulong)min)
            throw new CommandFailure($"Invalid {what} specified. Must be between {min} and {max}.");
        return (long)bytes;
    }

    /// <summary>Parses a whole number as C does: decimal, 0x hexadecimal or 0 octal, a sign and blanks allowed.</summary>
    public static bool TryParseNumber(string text, out long value)
    {
        value = 0;
        var digits = text.AsSpan().TrimStart(" \t\n\v\f\r");
        var isNegative = digits.StartsWith('-');
        if (isNegative || digits.StartsWith('+'))
            digits = digits[1..];
        if (digits.IsEmpty || !char.IsAsciiHexDigit(digits[0]))
            return false;
        var parsed = digits.StartsWith("0x", StringComparison.OrdinalIgnoreCase)
            ? long.TryParse(digits[2..], NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out value) && value >= 0
            : digits[0] == '0' ? TryParseOctal(digits, out value) : long.TryParse(digits, NumberStyles.None, CultureInfo.InvariantCulture, out value);
        if (isNegative)
            value = -value;
        return parsed;
    }

    /// <summary>Parses a count from 0 to <paramref name="max"/>.</summary>
    /// <exception cref="CommandFailure">It is not; the message is <paramref name="message"/>.</exception>
    public static int ParseCount(string text, int max, string message) =>
        TryParseNumber(text, out var value) && value >= 0 && value <= max ? (int)value : throw new CommandFailure(message);

    private static bool TryParseOctal(ReadOnlySpan<char> digits, out long value)
    {
        value = 0;
        foreach (var digit in digits)
        {
            if (digit is < '0' or > '7' || value > long.MaxValue / 8)
                return false;
            value = value * 8 + (digit - '0');
        }

        return true;
    }
}
