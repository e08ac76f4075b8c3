using System.Runtime.InteropServices;

namespace BlockUring.Cli.Output;

/// <summary>
/// How far a command is, in percent, shown as qemu-img does: lines "    (12.34/100%)\r" with -p, a bar where the output is a terminal, and
/// otherwise nothing until SIGUSR1 asks.
/// </summary>
/// <remarks>Advanced by one thread. Percentages are single precision, as QEMU's are, so that the same lines come out.</remarks>
internal abstract class ProgressReport : IDisposable
{
    private const int UserSignal1 = 10;

    private readonly float minSkip;
    private readonly PosixSignalRegistration? signal;
    private float lastShown;
    private volatile float current;

    /// <summary>Starts at 0 %.</summary>
    /// <param name="minSkip">Percent that must have been added before it is shown again.</param>
    /// <param name="signalOutput">Where the answer to SIGUSR1 goes.</param>
    protected ProgressReport(float minSkip, TextWriter signalOutput)
    {
        this.minSkip = minSkip;
        signal = PosixSignalRegistration.Create((PosixSignal)UserSignal1, context =>
        {
            context.Cancel = true;
            signalOutput.Write(Line(current, '\n'));
            signalOutput.Flush();
        });
    }

    /// <summary>Bytes that 100 % stand for, for rates; 0 when they say nothing.</summary>
    public long TotalBytes { get; set; }

    /// <summary>Percent done.</summary>
    protected float Current => current;

    /// <summary>Starts a report.</summary>
    /// <param name="output">Where it goes.</param>
    /// <param name="isShown">Whether -p was given (and not -q).</param>
    /// <param name="minSkip">Percent that must have been added before it is shown again.</param>
    public static ProgressReport Start(CommandOutput output, bool isShown, float minSkip)
    {
        if (!isShown)
            return new SilentProgress(minSkip, output.Error);
        return output.IsTerminal ? new BarProgress(minSkip, output) : new LineProgress(minSkip, output.Out);
    }

    /// <summary>Adds a part of what is to be done.</summary>
    /// <param name="percent">How much.</param>
    public void Advance(float percent) => MoveTo(current + percent / 100 * 100);

    /// <summary>States how much has been done.</summary>
    /// <param name="percent">0 to 100.</param>
    public void MoveTo(float percent)
    {
        current = Math.Min(percent, 100);
        if (current > lastShown + minSkip || current < lastShown - minSkip || current is 100 or 0)
        {
            lastShown = current;
            Show();
        }
    }

    /// <summary>Ends the report.</summary>
    public void Dispose()
    {
        signal?.Dispose();
        End();
    }

    /// <summary>The text for a percentage.</summary>
    protected static string Line(float percent, char end) => $"    ({SizeFormat.Fixed(percent, 2)}/100%){end}";

    /// <summary>Shows <see cref="Current"/>.</summary>
    protected abstract void Show();

    /// <summary>Leaves the line.</summary>
    protected abstract void End();
}
