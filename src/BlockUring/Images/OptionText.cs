using System.Globalization;
using BlockUring.Native.Interop;
using BlockUring.Storage;

namespace BlockUring.Images;

/// <summary>Values of options as QEMU reads them, with its messages.</summary>
public static class OptionText
{
    private const string SizeHint =
        "\nOptional suffix k, M, G, T, P or E means kilo-, mega-, giga-, tera-, peta-\nand exabytes, respectively.";

    /// <summary>on, yes, true, y or off, no, false, n.</summary>
    /// <exception cref="BlockException">"Parameter 'NAME' expects 'on' or 'off'".</exception>
    public static bool ParseBool(string name, string text) => text switch
    {
        "on" or "yes" or "true" or "y" => true,
        "off" or "no" or "false" or "n" => false,
        _ => throw Invalid($"Parameter '{name}' expects 'on' or 'off'"),
    };

    /// <summary>Bytes, with an optional suffix; see <see cref="SizeText"/>.</summary>
    /// <exception cref="BlockException">It is no size, or 2^63 bytes or more.</exception>
    public static long ParseSize(string name, string text) => SizeText.Parse(text, 1, out var value) switch
    {
        SizeTextResult.Parsed when value <= long.MaxValue => (long)value,
        SizeTextResult.Malformed => throw Invalid($"Parameter '{name}' expects a non-negative number below 2^64{SizeHint}"),
        _ => throw Invalid($"Value '{text}' is out of range for parameter '{name}'"),
    };

    /// <summary>A whole number of 64 bits; a negative one wraps, as in C.</summary>
    /// <exception cref="BlockException">"Parameter 'NAME' expects a number".</exception>
    public static ulong ParseNumber(string name, string text)
    {
        var digits = text.AsSpan().TrimStart('-');
        var isNegative = digits.Length == text.Length - 1;
        ulong value;
        var isNumber = digits.StartsWith("0x", StringComparison.OrdinalIgnoreCase)
            ? ulong.TryParse(digits[2..], NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out value)
            : ulong.TryParse(digits, NumberStyles.None, CultureInfo.InvariantCulture, out value);
        if (!isNumber || (!isNegative && digits.Length != text.Length))
            throw Invalid($"Parameter '{name}' expects a number");
        return isNegative ? unchecked(0 - value) : value;
    }

    private static BlockException Invalid(string message) => new(BlockErrorKind.Invalid, message, Errno.EINVAL);
}
