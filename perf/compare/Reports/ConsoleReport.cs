using BlockUring.Compare.Cases;
using BlockUring.Compare.Measuring;
using Spectre.Console;

namespace BlockUring.Compare.Reports;

/// <summary>Progress while it runs and the tables at the end, on the terminal.</summary>
internal sealed class ConsoleReport
{
    private const int RedirectedWidth = 140;
    private readonly IAnsiConsole _console = AnsiConsole.Console;
    private readonly bool _selfCheck;

    public ConsoleReport(bool selfCheck)
    {
        _selfCheck = selfCheck;
        if (Console.IsOutputRedirected)
            _console.Profile.Width = RedirectedWidth;
    }

    /// <summary>What is being done right now: one line that the next overwrites; nothing when the output is no terminal.</summary>
    public void Progress(string stage, CompareCase compareCase, Opponent? opponent, string what)
    {
        if (!Console.IsOutputRedirected)
            Console.Write($"\r\u001b[2K{stage} {compareCase.Name}{(opponent is null ? "" : $" against {opponent.Name}")}: {what}");
    }

    /// <summary>A row is complete, or failed.</summary>
    public void Finished(Comparison row)
    {
        ClearProgress();
        var text = row.Problem is { } problem
            ? $"FAILED: {problem}"
            : $"wall {Cell(row, Metric.Wall)}, CPU {Cell(row, Metric.Cpu)}, stock spread {Figures.Spread(row)}";
        Console.WriteLine($"{row.Stage} {row.Case.Name} against {row.Opponent.Name}: {text}");
    }

    /// <summary>Something is left out.</summary>
    public void Noted(string text)
    {
        ClearProgress();
        Console.WriteLine(text);
    }

    /// <summary>The tables and the summary.</summary>
    public void Show(Report report)
    {
        ClearProgress();
        ShowHost(report);
        foreach (var group in report.Groups)
            ShowGroup(report, group.Key.Stage, [.. group]);
        foreach (var note in report.Notes)
            _console.MarkupLineInterpolated($"[grey]{note}[/]");
        if (_selfCheck)
            ShowNoiseFloor(report);
        else
            ShowTally(report);
        if (report.IsInterrupted)
            _console.MarkupLine("[yellow]Interrupted: rows are missing.[/]");
    }

    private void ShowHost(Report report)
    {
        _console.WriteLine();
        foreach (var (name, value) in report.Facts)
            _console.MarkupLineInterpolated($"[bold]{name}[/]: {value}");
    }

    private void ShowGroup(Report report, string stage, IReadOnlyList<Comparison> rows)
    {
        var place = stage switch
        {
            "disk" => $"disk ({report.Host.DiskFileSystem} files)",
            "zram" => "compressed RAM disks",
            _ => "RAM-backed block devices",
        };
        var subject = _selfCheck ? "qemu-img" : "blockuring";
        var table = new Table().Border(TableBorder.Rounded)
            .Title(new TableTitle(Markup.Escape($"{place}: {subject} {Report.SubjectTitle(rows[0])} against {rows[0].Opponent.Title}")));
        foreach (var heading in (string[])["case", "wall", "CPU", "peak memory", "system calls/GiB", "target size", "stock spread"])
            table.AddColumn(heading, column => column.NoWrap());
        table.ShowRowSeparators();
        foreach (var row in rows)
        {
            if (row.Subject is null)
                table.AddRow(new Text(row.Case.Name), new Markup("[red]FAILED[/]"));
            else
                table.AddRow([new Text(row.Case.Name), .. Cells(row)]);
        }

        _console.WriteLine();
        _console.Write(table);
        foreach (var row in rows.Where(row => row.Problem is not null))
            _console.MarkupLineInterpolated($"[red]{row.Case.Name} FAILED[/]: {row.Problem}");
    }

    private IEnumerable<Markup> Cells(Comparison row)
    {
        foreach (var metric in Figures.Metrics)
            yield return new Markup(string.Join('\n', Lines(row, metric)));
        yield return new Markup(row.TargetSizeRatio is { } size ? Figures.Times(size) : "–");
        yield return new Markup(row.IsNoisy ? $"[yellow]{Figures.Spread(row)}[/]" : Figures.Spread(row));
    }

    // The ratio, both absolute figures, and what there is to say of them.
    private IEnumerable<string> Lines(Comparison row, Metric metric)
    {
        var text = Markup.Escape(Figures.RatioText(row, metric));
        var isJudged = !_selfCheck && row.RatioOf(metric) is not null;
        var isLoss = row.RatioOf(metric) is { IsLoss: true };
        yield return isJudged ? $"[{(isLoss ? "red" : "green")}]{text}[/]" : text;
        yield return $"[grey]{Markup.Escape(Figures.Absolute(row, metric))}[/]";
        if (isJudged && isLoss)
            yield return $"[red]{Figures.Mark(row, metric)}[/]";
        if (isJudged && row.TargetOf(metric) is { } target)
        {
            var verdict = Figures.TargetText(row, metric);
            yield return Figures.Misses(target, row.RatioOf(metric)!) ? $"[yellow]{verdict}[/]" : verdict;
        }
    }

    private string Cell(Comparison row, Metric metric)
    {
        if (_selfCheck)
            return Figures.RatioText(row, metric);
        string[] words = [Figures.RatioText(row, metric), Figures.Mark(row, metric), Figures.TargetText(row, metric)];
        return string.Join(' ', words.Where(word => word.Length > 0));
    }

    private void ShowNoiseFloor(Report report)
    {
        var rows = report.Rows.Where(row => row.Subject is not null).ToList();
        if (rows.Count == 0)
            return;
        _console.MarkupLine("Noise floor, qemu-img against itself: a result inside these bounds is no difference.");
        foreach (var metric in (Metric[])[Metric.Wall, Metric.Cpu, Metric.Memory])
        {
            foreach (var stage in rows.GroupBy(row => row.Stage))
            {
                var ratios = stage.Select(row => row.RatioOf(metric)).OfType<Ratio>().ToList();
                var medians = $"{Figures.Two(ratios.Min(ratio => ratio.Value))}–{Figures.Two(ratios.Max(ratio => ratio.Value))}";
                var pairs = $"{Figures.Two(ratios.Min(ratio => ratio.Lowest))}–{Figures.Two(ratios.Max(ratio => ratio.Highest))}";
                _console.MarkupLineInterpolated($"  {stage.Key} {Figures.Name(metric)}: medians {medians}, single pairs {pairs}");
            }
        }
    }

    private void ShowTally(Report report)
    {
        var judged = report.Rows
            .SelectMany(row => Figures.Metrics.Select(metric => (Target: row.TargetOf(metric), Ratio: row.RatioOf(metric))))
            .Where(pair => pair is { Target: not null, Ratio: not null })
            .ToList();
        var met = judged.Count(pair => !Figures.Misses(pair.Target!.Value, pair.Ratio!));
        var losses = report.Rows.Count(row => row.RatioOf(Metric.Wall) is { IsLoss: true } || row.RatioOf(Metric.Cpu) is { IsLoss: true });
        var failures = report.Rows.Count(row => row.IsFailure);
        _console.MarkupLineInterpolated($"{met} of {judged.Count} targets met; {report.Rows.Count} rows, {losses} with a loss, {failures} failed");
    }

    private static void ClearProgress()
    {
        if (!Console.IsOutputRedirected)
            Console.Write("\r\u001b[2K");
    }
}
