using System.Globalization;

namespace BlockUring.Qmp.Hmp.QemuIo;

/// <summary>The bytes that a command is about.</summary>
/// <param name="Offset">The first.</param>
/// <param name="Length">How many.</param>
internal sealed record QemuIoRange(long Offset, long Length)
{
    /// <summary>Takes the range from a command's words; prints what is wrong with them.</summary>
    /// <param name="command">The command, for its help.</param>
    /// <param name="call">The words are its.</param>
    /// <param name="options">The words, parted.</param>
    /// <param name="isVector">Whether there may be several lengths, which are added up.</param>
    /// <param name="isLimited">Whether the length has QEMU's limit.</param>
    /// <param name="hint">Behind the limit in the message.</param>
    /// <returns>Null when they are wrong.</returns>
    public static QemuIoRange? Parse(
        QemuIoCommand command, QemuIoCall call, QemuIoOptions options, bool isVector, bool isLimited, string hint)
    {
        if (options.Error != null)
            call.Print(options.Error);
        if (options.Error != null || options.Rest.Count < 2 || (options.Rest.Count > 2 && !isVector))
        {
            call.Output.Append(command.HelpLine);
            return null;
        }

        if (!call.TryParseRange(options.Rest, isLimited, hint, out var offset, out var length))
            return null;
        foreach (var text in options.Rest.Skip(2))
        {
            if (!call.TryParseSize(text, out var more))
                return null;
            length = Math.Min(long.MaxValue - more, length) + more;
        }

        return new(offset, length);
    }

    /// <summary>A byte, decimal, hexadecimal or octal; prints what is wrong with it.</summary>
    public static byte? ParsePattern(QemuIoCall call, string text)
    {
        if (TryParseByte(text, out var pattern))
            return pattern;
        call.Print($"{text} is not a valid pattern byte");
        return null;
    }

    private static bool TryParseByte(string text, out byte value)
    {
        if (text.StartsWith("0x", StringComparison.OrdinalIgnoreCase))
            return byte.TryParse(text.AsSpan(2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out value);
        if (text.Length < 2 || text[0] != '0')
            return byte.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out value);
        var sum = 0;
        foreach (var digit in text)
            sum = digit is >= '0' and <= '7' && sum <= byte.MaxValue ? (sum * 8) + digit - '0' : int.MaxValue / 16;
        value = (byte)sum;
        return sum <= byte.MaxValue;
    }
}
