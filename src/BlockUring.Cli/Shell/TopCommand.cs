using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using BlockUring.Cli.Img;
using BlockUring.Cli.Output;
using Spectre.Console;

namespace BlockUring.Cli.Shell;

/// <summary>`blockuring top`: the jobs of a running daemon, again and again.</summary>
internal sealed class TopCommand
{
    private const int BarLength = 20;
    private static readonly string[] Titles = ["job", "type", "status", "progress", "%", "left", "rate", "dirty", "time left", "limit", "error"];

    private readonly QmpClient client;
    private readonly Dictionary<string, (long Done, long Total, long Time)> earlier = new(StringComparer.Ordinal);

    private TopCommand(QmpClient client) => this.client = client;

    /// <summary>Runs it.</summary>
    /// <param name="output">The process's streams.</param>
    /// <param name="path">The monitor's socket.</param>
    /// <param name="isOnce">Whether to show one frame as text, and end.</param>
    /// <param name="interval">Between frames.</param>
    /// <returns>The exit code.</returns>
    public static int Run(CommandOutput output, string path, bool isOnce, TimeSpan interval)
    {
        try
        {
            using var client = QmpClient.Connect(path);
            var top = new TopCommand(client);
            if (isOnce || !output.IsTerminal)
                output.Out.Write(Format(top.Sample()));
            else
                top.Watch(interval);
            return 0;
        }
        catch (CommandFailure e)
        {
            output.Report(Launcher.ProgramName, e.Message);
            return 1;
        }
    }

    private void Watch(TimeSpan interval)
    {
        using var interruption = new Interruption();
        AnsiConsole.Live(MakeTable(Sample())).AutoClear(false).Start(live =>
        {
            do
            {
                while (client.TakeEvent(TimeSpan.Zero) != null)
                    continue;
                live.UpdateTarget(MakeTable(Sample()));
            }
            while (!interruption.Token.WaitHandle.WaitOne(interval));
        });
    }

    private List<string[]> Sample()
    {
        var details = client.Query("query-block-jobs").EnumerateArray().ToDictionary(j => j.GetProperty("device").GetString()!, StringComparer.Ordinal);
        return [.. client.Query("query-jobs").EnumerateArray().Select(j => Row(j, details.GetValueOrDefault(j.GetProperty("id").GetString()!)))];
    }

    private string[] Row(JsonElement job, JsonElement block)
    {
        var id = job.GetProperty("id").GetString()!;
        var (done, total) = (job.GetProperty("current-progress").GetInt64(), job.GetProperty("total-progress").GetInt64());
        var rates = RatesOf(id, done, total);
        var speed = block.ValueKind == JsonValueKind.Object ? block.GetProperty("speed").GetInt64() : 0;
        var part = total > 0 ? (double)done / total : 0;
        var filled = (int)(part * BarLength);
        return
        [
            id,
            job.GetProperty("type").GetString()!,
            job.GetProperty("status").GetString()!,
            new string('#', filled) + new string('.', BarLength - filled),
            (100 * part).ToString("F1", CultureInfo.InvariantCulture),
            SizeFormat.Human(Math.Max(0, total - done)),
            rates is { } known ? SizeFormat.Human(known.Rate) + "/s" : "-",
            rates is { DirtyRate: > 0 } dirty ? SizeFormat.Human(dirty.DirtyRate) + "/s" : "-",
            rates?.TimeFor(total - done) is { } time ? time.ToString("c", CultureInfo.InvariantCulture) : "-",
            speed == 0 ? "-" : SizeFormat.Human(speed) + "/s",
            job.TryGetProperty("error", out var error) ? error.GetString()! : "",
        ];
    }

    // None for a job that is seen for the first time.
    private JobRates? RatesOf(string id, long done, long total)
    {
        var now = Stopwatch.GetTimestamp();
        var isKnown = earlier.TryGetValue(id, out var last);
        earlier[id] = (done, total, now);
        return isKnown ? JobRates.Between((last.Done, last.Total), (done, total), Stopwatch.GetElapsedTime(last.Time, now).TotalSeconds) : null;
    }

    private static string Format(List<string[]> rows)
    {
        string[][] all = [Titles, .. rows];
        var widths = Titles.Select((_, column) => all.Max(r => r[column].Length)).ToArray();
        return string.Concat(all.Select(r => string.Join("  ", r.Select((cell, column) => cell.PadRight(widths[column]))).TrimEnd() + "\n"));
    }

    private static Table MakeTable(List<string[]> rows)
    {
        var table = new Table().Border(TableBorder.Simple);
        foreach (var title in Titles)
            table.AddColumn(title);
        foreach (var row in rows)
            table.AddRow(row.Select(Markup.Escape).ToArray());
        return table;
    }
}
