using System.Globalization;

namespace BlockUring.Qmp.Wire;

/// <summary>Floating-point numbers as C's printf writes them with %.17g.</summary>
internal static class CNumber
{
    private const int Precision = 17;

    /// <summary>The text of a number.</summary>
    public static string Format(double value)
    {
        if (!double.IsFinite(value))
            return double.IsNaN(value) ? "nan" : value > 0 ? "inf" : "-inf";
        var scientific = value.ToString("E16", CultureInfo.InvariantCulture);
        var mark = scientific.IndexOf('E');
        var exponent = int.Parse(scientific.AsSpan(mark + 1), NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture);
        if (exponent is >= -4 and < Precision)
            return Trimmed(value.ToString("F" + (Precision - 1 - exponent), CultureInfo.InvariantCulture));
        return $"{Trimmed(scientific[..mark])}e{(exponent < 0 ? '-' : '+')}{Math.Abs(exponent):00}";
    }

    private static string Trimmed(string digits) => digits.Contains('.') ? digits.TrimEnd('0').TrimEnd('.') : digits;
}
