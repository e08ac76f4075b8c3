using System.Text.Json;
using BlockUring.Compare.Cases;
using BlockUring.Compare.Running;
using BlockUring.Compare.Stages;

namespace BlockUring.Compare.Measuring;

/// <summary>Measures one case against one opponent: a checked warm-up, pairs in turns A B B A, then a count of system calls.</summary>
internal sealed class PairRunner(
    CompareOptions options, SubjectProgram subject, SystemCallCounter counter, CancellationToken cancellation)
{
    private const double ShortRunSeconds = 0.5;
    private const double LargestPairFactor = 10;
    private const double SlowRunSeconds = 3;
    private const int SystemCallRunCount = 3;

    /// <summary>Runs the comparison; <paramref name="report"/> hears what is going on. Failures come back as the row's problem.</summary>
    public Comparison Run(
        Stage stage, CompareCase compareCase, Opponent opponent, SourceImage source, string sourcePath, Action<string> report)
    {
        var targetPath = compareCase.TargetFormat is null ? "" : stage.PlaceTarget(compareCase.TargetFormat, source.GuestBytes);
        var ours = new Side(opponent.SubjectCommand(subject, compareCase, source, sourcePath, targetPath));
        var theirs = new Side(opponent.Command(compareCase, source, sourcePath, targetPath));
        var row = new Comparison
        {
            Stage = stage.Name,
            Case = compareCase,
            Opponent = opponent,
            Target = stage.TargetOf(compareCase),
            GuestBytes = source.GuestBytes,
        };
        try
        {
            var warmUpSeconds = 0.0;
            foreach (var side in (Side[])[ours, theirs])
            {
                report("warm-up and check");
                if (compareCase.TargetFormat is not null)
                    stage.SpoilTarget();
                warmUpSeconds = Once(stage, compareCase, side).WallSeconds;
                Check(stage, compareCase, side, source, sourcePath, targetPath);
            }

            TimePairs(stage, compareCase, ours, theirs, PairCount(warmUpSeconds), report);
            CountSystemCalls(stage, compareCase, ours, theirs, warmUpSeconds > SlowRunSeconds ? 1 : SystemCallRunCount, report);
            return row with { Subject = ours, Peer = theirs };
        }
        catch (Exception error) when (error is ToolException or IOException)
        {
            // An I/O error is, for one, a command that reports success and leaves no target.
            // Why the check: a terminal's Ctrl-C reaches the tools too, and their failing is then no result.
            cancellation.ThrowIfCancellationRequested();
            return row with { Problem = error.Message, IsFailure = true };
        }
    }

    private void TimePairs(Stage stage, CompareCase compareCase, Side ours, Side theirs, int pairs, Action<string> report)
    {
        for (var pair = 0; pair < pairs; pair++)
        {
            report($"pair {pair + 1} of {pairs}");
            Side[] order = pair % 2 == 0 ? [ours, theirs] : [theirs, ours];
            foreach (var side in order)
                side.Samples.Add(Once(stage, compareCase, side));
        }
    }

    private void CountSystemCalls(Stage stage, CompareCase compareCase, Side ours, Side theirs, int runs, Action<string> report)
    {
        for (var run = 0; run < runs && counter.Missing is null; run++)
        {
            report($"system calls, run {run + 1} of {runs}");
            foreach (var side in (Side[])[ours, theirs])
            {
                cancellation.ThrowIfCancellationRequested();
                Prepare(stage, compareCase);
                side.SystemCalls.Add(counter.Count(side.Command));
            }
        }
    }

    // Why: runs of milliseconds scatter more, and cost little: they get as many pairs as make half a second a side and pair asked for.
    private int PairCount(double warmUpSeconds) =>
        (int)Math.Ceiling(options.PairCount * Math.Clamp(ShortRunSeconds / warmUpSeconds, 1, LargestPairFactor));

    private RunSample Once(Stage stage, CompareCase compareCase, Side side)
    {
        Prepare(stage, compareCase);
        var sample = TimedProcess.Run(side.Command, compareCase.TargetFormat is null ? () => { } : stage.MakeTargetDurable, cancellation);
        if (sample.ExitCode == 0)
            return sample;
        var message = Tool.FirstLine(sample.ErrorOutput + "\nno message");
        throw new ToolException($"{string.Join(' ', side.Command)}: exit code {sample.ExitCode}: {message}");
    }

    private static void Prepare(Stage stage, CompareCase compareCase)
    {
        if (compareCase.TargetFormat is not null)
            stage.BeforeRun();
    }

    private static void Check(Stage stage, CompareCase compareCase, Side side, SourceImage source, string sourcePath, string targetPath)
    {
        if (compareCase.Bench != null)
        {
            if (targetPath.Length > 0)
                side.TargetBytes = CheckBench(targetPath);
            return;
        }

        if (compareCase.TargetFormat is not { } format)
        {
            if (!Tool.Run(side.Command).Contains($"file format: {source.Format}", StringComparison.Ordinal))
                throw new ToolException($"{string.Join(' ', side.Command)}: does not say that the format is {source.Format}");
            return;
        }

        Tool.Run("qemu-img", "compare", "-f", source.Format, "-F", format, sourcePath, targetPath);
        side.TargetBytes = format == "raw" ? stage.AllocatedTargetBytes() : EndOfImage(targetPath);
    }

    private static long? CheckBench(string targetPath)
    {
        var read = $"read -P {BenchCommand.Pattern} 0 4096";
        if (Tool.Run("qemu-io", "-f", "qcow2", "-c", read, targetPath).Contains("failed", StringComparison.Ordinal))
            throw new ToolException($"{targetPath} does not hold what was written");
        return EndOfImage(targetPath);
    }

    // Any problem that check finds in a fresh target, leaks included, makes it exit with a failure.
    private static long? EndOfImage(string path)
    {
        using var check = JsonDocument.Parse(Tool.Run("qemu-img", "check", "--output=json", "-f", "qcow2", path));
        return check.RootElement.TryGetProperty("image-end-offset", out var end) ? end.GetInt64() : null;
    }
}
