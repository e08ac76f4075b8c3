using Spectre.Console;

namespace BlockUring.Cli.Output;

/// <summary>A bar on a terminal, with amount, rate and time left where bytes are known.</summary>
internal sealed class BarProgress : ProgressReport
{
    // Not shown, but it must not be empty.
    private const string TaskName = "progress";

    private readonly CommandOutput output;
    private readonly TaskCompletionSource ended = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private ProgressTask? task;
    private Task? drawing;

    public BarProgress(float minSkip, CommandOutput output)
        : base(Math.Min(minSkip, 0.1f), output.Error) => this.output = output;

    protected override void Show()
    {
        if (drawing == null && Current == 0 && TotalBytes == 0)
            return;
        if (drawing == null)
            Begin();
        task!.Value = TotalBytes > 0 ? Current / 100.0 * TotalBytes : Current;
    }

    protected override void End()
    {
        ended.TrySetResult();
        drawing?.GetAwaiter().GetResult();
    }

    private void Begin()
    {
        output.Out.Flush();
        var started = new TaskCompletionSource<ProgressTask>(TaskCreationOptions.RunContinuationsAsynchronously);
        ProgressColumn[] columns = TotalBytes > 0
            ? [new ProgressBarColumn(), new PercentageColumn(), new DownloadedColumn(), new TransferSpeedColumn(), new RemainingTimeColumn()]
            : [new ProgressBarColumn(), new PercentageColumn(), new RemainingTimeColumn()];
        drawing = Task.Run(() => AnsiConsole.Progress().Columns(columns).StartAsync(async context =>
        {
            started.SetResult(context.AddTask(TaskName, maxValue: TotalBytes > 0 ? TotalBytes : 100));
            await ended.Task;
        }));
        // A bar that cannot be drawn ends the command with the reason, instead of leaving it waiting.
        Task.WhenAny(started.Task, drawing).Unwrap().GetAwaiter().GetResult();
        task = started.Task.GetAwaiter().GetResult();
    }
}
