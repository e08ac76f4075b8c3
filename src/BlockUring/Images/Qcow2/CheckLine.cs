using System.Runtime.CompilerServices;

namespace BlockUring.Images.Qcow2;

/// <summary>A line of a check's report, put together only when it is wanted.</summary>
[InterpolatedStringHandler]
internal ref struct CheckLine
{
    private DefaultInterpolatedStringHandler text;

    public CheckLine(int literalLength, int formattedCount, CheckFindings findings, out bool isWanted)
    {
        isWanted = findings.WantsLine();
        text = isWanted ? new DefaultInterpolatedStringHandler(literalLength, formattedCount) : default;
        IsWanted = isWanted;
    }

    public bool IsWanted { get; }

    public void AppendLiteral(string value) => text.AppendLiteral(value);

    public void AppendFormatted<T>(T value) => text.AppendFormatted(value);

    public void AppendFormatted<T>(T value, string format) => text.AppendFormatted(value, format);

    /// <summary>The text; to be called once.</summary>
    public string Take() => text.ToStringAndClear();
}
