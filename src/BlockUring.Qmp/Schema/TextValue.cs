using System.Globalization;
using System.Text.Json;
using BlockUring.Images;
using BlockUring.Qmp.Commands;

namespace BlockUring.Qmp.Schema;

/// <summary>Values that were given as text, on a command line.</summary>
internal static class TextValue
{
    private static readonly JsonElement Yes = Bool(true);
    private static readonly JsonElement No = Bool(false);

    /// <summary>Reads a value.</summary>
    /// <param name="kind">What it must be; not one of those that are text or anything.</param>
    /// <param name="text">As given.</param>
    /// <returns>Null when it is not of that kind.</returns>
    public static JsonElement? Parse(BuiltinKind kind, string text) => kind switch
    {
        BuiltinKind.Bool => text switch
        {
            "on" or "yes" or "true" or "y" => Yes,
            "off" or "no" or "false" or "n" => No,
            _ => null,
        },
        BuiltinKind.Size => SizeText.TryParse(text, out var size) ? Number(size) : null,
        BuiltinKind.Number => double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var number) && double.IsFinite(number)
            ? Json(number.ToString("R", CultureInfo.InvariantCulture))
            : null,
        BuiltinKind.UInt16 or BuiltinKind.UInt32 or BuiltinKind.UInt64 => Integer(text, ulong.MaxValue),
        _ => Integer(text, long.MaxValue),
    };

    /// <summary>What an error says that was expected.</summary>
    public static string Expectation(BuiltinKind kind) => kind switch
    {
        BuiltinKind.Bool => "'on' or 'off'",
        BuiltinKind.Size => "size",
        BuiltinKind.Number => "number",
        _ => "integer",
    };

    // As C reads integers: with a sign, decimal, hexadecimal after 0x, octal after 0.
    private static JsonElement? Integer(string text, ulong max)
    {
        var digits = text.AsSpan().TrimStart();
        var isNegative = digits.StartsWith("-");
        if (isNegative || digits.StartsWith("+"))
            digits = digits[1..];
        var number = 0UL;
        var isNumber = digits.StartsWith("0x", StringComparison.OrdinalIgnoreCase)
            ? ulong.TryParse(digits[2..], NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out number)
            : digits.Length > 1 && digits[0] == '0'
                ? TryParseOctal(digits, out number)
                : ulong.TryParse(digits, NumberStyles.None, CultureInfo.InvariantCulture, out number);
        if (!isNumber || number > (isNegative ? (ulong)long.MaxValue + 1 : max))
            return null;
        return isNegative ? Number(unchecked(-(long)number)) : Json(number.ToString(CultureInfo.InvariantCulture));
    }

    private static bool TryParseOctal(ReadOnlySpan<char> digits, out ulong number)
    {
        number = 0;
        foreach (var digit in digits)
        {
            if (digit is < '0' or > '7' || number > ulong.MaxValue >> 3)
                return false;
            number = (number << 3) + (ulong)(digit - '0');
        }

        return true;
    }

    private static JsonElement Number(long number) => JsonSerializer.SerializeToElement(number, QmpJson.Default.Int64);

    private static JsonElement Bool(bool value) => Json(value ? "true" : "false");

    private static JsonElement Json(string text)
    {
        using var document = JsonDocument.Parse(text);
        return document.RootElement.Clone();
    }
}
