using System.Buffers;
using System.Globalization;
using System.Text;

namespace BlockUring.Qmp.Wire;

/// <summary>Strings as clients write them: in single or double quotes, with JSON's escapes, \' and modified UTF-8's zero (C0 80).</summary>
internal static class QuotedText
{
    /// <summary>Reads a string.</summary>
    /// <param name="quoted">With its quotes.</param>
    /// <param name="error">What is wrong; null when nothing is.</param>
    /// <returns>Its content, or null.</returns>
    public static string? Decode(ReadOnlySpan<byte> quoted, out string? error)
    {
        error = null;
        var content = quoted[1..^1];
        if (!content.ContainsAnyExceptInRange((byte)' ', (byte)'~') && !content.Contains((byte)'\\'))
            return Encoding.ASCII.GetString(content);
        var result = new StringBuilder(content.Length);
        for (var position = 1; position < quoted.Length - 1 && error == null;)
            position += quoted[position] == '\\' ? Escape(quoted[position..], result, out error) : Plain(quoted[position..], result, out error);
        return error == null ? result.ToString() : null;
    }

    private static int Escape(ReadOnlySpan<byte> rest, StringBuilder result, out string? error)
    {
        error = null;
        if (rest[1] == 'u')
            return CodePoint(rest, result, out error);
        var meaning = rest[1] switch
        {
            (byte)'b' => '\b',
            (byte)'f' => '\f',
            (byte)'n' => '\n',
            (byte)'r' => '\r',
            (byte)'t' => '\t',
            (byte)'"' or (byte)'\'' or (byte)'\\' or (byte)'/' => (char)rest[1],
            _ => '\0',
        };
        if (meaning == '\0')
            error = "invalid escape sequence in string";
        result.Append(meaning);
        return 2;
    }

    private static int CodePoint(ReadOnlySpan<byte> rest, StringBuilder result, out string? error)
    {
        var value = Hex(rest[2..]);
        var length = 6;
        if (value is >= 0xD800 and <= 0xDBFF && rest[6..] is [(byte)'\\', (byte)'u', ..])
        {
            var second = Hex(rest[8..]);
            var isPair = second is >= 0xDC00 and <= 0xDFFF;
            value = isPair ? 0x10000 + ((value & 0x3FF) << 10) + (second & 0x3FF) : -1;
            length = isPair ? 12 : 6;
        }

        error = IsCharacter(value) ? null : $"{MessageParser.Quote(rest[..Math.Min(length, rest.Length)])} is not a valid Unicode character";
        if (error == null)
            result.Append(char.ConvertFromUtf32(value));
        return length;
    }

    private static int Plain(ReadOnlySpan<byte> rest, StringBuilder result, out string? error)
    {
        error = null;
        if (rest is [0xC0, 0x80, ..])
        {
            result.Append('\0');
            return 2;
        }

        var status = Rune.DecodeFromUtf8(rest, out var rune, out var length);
        if (status == OperationStatus.Done && IsCharacter(rune.Value))
            result.Append(rune.ToString());
        else
            error = "invalid UTF-8 sequence in string";
        return length;
    }

    private static int Hex(ReadOnlySpan<byte> digits) =>
        digits.Length >= 4 && int.TryParse(digits[..4], NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var value) ? value : -1;

    // Surrogates are no characters by themselves, and Unicode sets 66 code points aside as never being any.
    private static bool IsCharacter(int value) =>
        value is >= 0 and <= 0x10FFFF and not (>= 0xD800 and <= 0xDFFF) and not (>= 0xFDD0 and <= 0xFDEF) && (value & 0xFFFE) != 0xFFFE;
}
