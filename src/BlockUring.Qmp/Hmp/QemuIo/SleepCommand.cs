using System.Globalization;

namespace BlockUring.Qmp.Hmp.QemuIo;

/// <summary>sleep: the monitor answers later, while requests go on.</summary>
internal sealed class SleepCommand : QemuIoCommand
{
    private static readonly TimeSpan Longest = TimeSpan.FromHours(1);

    public SleepCommand()
        : base("sleep", "waits for the given value in milliseconds")
    {
        (MinArguments, MaxArguments) = (1, 1);
    }

    /// <inheritdoc/>
    public override async ValueTask RunAsync(QemuIoCall call)
    {
        if (uint.TryParse(call.Arguments[0], NumberStyles.None, CultureInfo.InvariantCulture, out var milliseconds))
            await call.Context.Scheduler.DelayAsync(TimeSpan.FromMilliseconds(Math.Min(milliseconds, Longest.TotalMilliseconds)));
        else
            call.Print($"{call.Arguments[0]} is not a valid number");
    }
}
