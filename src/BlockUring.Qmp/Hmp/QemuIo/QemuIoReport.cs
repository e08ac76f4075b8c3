using System.Globalization;
using System.Text;

namespace BlockUring.Qmp.Hmp.QemuIo;

/// <summary>What qemu-io says of numbers: sizes, times, rates, bytes.</summary>
internal static class QemuIoReport
{
    private const int BytesPerLine = 16;

    private static readonly (double Unit, string Name)[] Units =
    [
        (Math.ScaleB(1, 60), "EiB"), (Math.ScaleB(1, 50), "PiB"), (Math.ScaleB(1, 40), "TiB"),
        (Math.ScaleB(1, 30), "GiB"), (Math.ScaleB(1, 20), "MiB"), (Math.ScaleB(1, 10), "KiB"),
    ];

    /// <summary>"64 KiB", "1.500 MiB", "512 bytes".</summary>
    public static string Size(double value)
    {
        var (unit, name) = Array.Find(Units, u => value >= u.Unit);
        var number = name == null
            ? value.ToString("F6", CultureInfo.InvariantCulture)
            : (value / unit).ToString("F3", CultureInfo.InvariantCulture);

        // Why at ".000": QEMU cuts a number of bytes there, too, whatever follows.
        var whole = number.IndexOf(".000", StringComparison.Ordinal);
        return $"{(whole < 0 ? number : number[..whole])} {name ?? "bytes"}";
    }

    /// <summary>The report of one request.</summary>
    /// <param name="verb">"read", "wrote".</param>
    /// <param name="offset">Where.</param>
    /// <param name="length">Bytes.</param>
    /// <param name="time">How long it took.</param>
    /// <param name="isTerse">For machines: numbers with commas between.</param>
    public static string Request(string verb, long offset, long length, TimeSpan time, bool isTerse)
    {
        var seconds = time.TotalSeconds;
        var (rate, frequency) = seconds > 0 ? (length / seconds, 1 / seconds) : (0, 0);
        if (isTerse)
            return string.Create(CultureInfo.InvariantCulture, $"{length},1,{Clock(time)},{rate:F3},{frequency:F3}\n");
        var took = time.TotalSeconds >= 60 ? Clock(time) : string.Create(CultureInfo.InvariantCulture, $"{seconds:00.00} sec");
        return string.Create(
            CultureInfo.InvariantCulture,
            $"{verb} {length}/{length} bytes at offset {offset}\n{Size(length)}, 1 ops; {took} ({Size(rate)}/sec and {frequency:F4} ops/sec)\n");
    }

    /// <summary>Adds bytes as hexadecimal digits and characters.</summary>
    /// <param name="text">Receives the lines.</param>
    /// <param name="bytes">The bytes.</param>
    /// <param name="offset">Of the first one.</param>
    public static void Dump(StringBuilder text, ReadOnlySpan<byte> bytes, long offset)
    {
        for (var start = 0; start < bytes.Length; start += BytesPerLine)
        {
            var line = bytes[start..Math.Min(start + BytesPerLine, bytes.Length)];
            text.Append(CultureInfo.InvariantCulture, $"{offset + start:x8}:  ");
            foreach (var one in line)
                text.Append(CultureInfo.InvariantCulture, $"{one:x2} ");
            text.Append(' ');
            foreach (var one in line)
                text.Append(one is > 0x20 and < 0x7f ? (char)one : '.');
            text.Append('\n');
        }
    }

    private static string Clock(TimeSpan time) =>
        string.Create(CultureInfo.InvariantCulture, $"{(long)time.TotalHours}:{time.Minutes:00}:{time.TotalSeconds % 60:00.00}");
}
