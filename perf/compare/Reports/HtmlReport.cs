using System.Net;
using System.Text;
using BlockUring.Compare.Measuring;

namespace BlockUring.Compare.Reports;

/// <summary>The report as one HTML page that needs nothing else: plots are inline SVG, colours follow the reader's light or dark setting.</summary>
internal static class HtmlReport
{
    private const string Style = """
        :root { color-scheme: light dark; --ground: #fff; --ink: #1b1f24; --soft: #5b6470; --line: #d5dae0; --win: #1a7f64; --loss: #c2372e; --target: #8a5a00; --band: #f4f6f8 }
        @media (prefers-color-scheme: dark) {
          :root { --ground: #14171a; --ink: #e6e9ec; --soft: #9aa4af; --line: #363d45; --win: #3fb68f; --loss: #f0766c; --target: #e0b050; --band: #1d2125 } }
        body { background: var(--ground); color: var(--ink); font: 15px/1.5 system-ui, sans-serif; max-width: 72rem; margin: 2rem auto; padding: 0 1rem }
        h1 { font-size: 1.6rem; margin-bottom: .2rem } h2 { font-size: 1.15rem; margin: 2.2rem 0 .4rem } p, dl { max-width: 56rem }
        dl { display: grid; grid-template-columns: max-content 1fr; gap: .15rem 1rem } dt { color: var(--soft) } dd { margin: 0 }
        .scroll { overflow-x: auto } table { border-collapse: collapse; font-size: 13px; font-variant-numeric: tabular-nums; white-space: nowrap }
        th, td { text-align: right; padding: .25rem .6rem; border-bottom: 1px solid var(--line); vertical-align: top } th { color: var(--soft); font-weight: 600 }
        th:first-child, td:first-child, td.problem { text-align: left } td.problem { white-space: normal } small { display: block; color: var(--soft) }
        .loss { color: var(--loss); font-weight: 600 } .win { color: var(--win) } .missed { color: var(--target); font-weight: 600 } .soft { color: var(--soft) }
        svg { display: block; min-width: 60rem; width: 100%; height: auto; font: 12px system-ui, sans-serif } svg text { fill: var(--ink) } svg .soft { fill: var(--soft) }
        svg .band { fill: var(--band) } svg .grid { stroke: var(--line) } svg .one { stroke: var(--ink) } svg .win { fill: var(--win) } svg .loss { fill: var(--loss) }
        svg .even { fill: var(--soft) } svg .whisker { stroke: var(--ink); stroke-width: 1.5 } svg .target { stroke: var(--target); stroke-width: 2; stroke-dasharray: 3 2 } svg text.loss { fill: var(--loss); font-weight: 600 }
        """;

    public static void Write(Report report, string path)
    {
        var subject = report.Options.SelfCheck ? "qemu-img against itself" : "blockuring img";
        var page = new StringBuilder();
        page.AppendLine("<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">");
        page.AppendLine($"<title>{Escape(subject)}: comparison of {report.Host.Date:yyyy-MM-dd}</title>\n<style>\n{Style}\n</style>\n</head>\n<body>");
        page.AppendLine($"<h1>{Escape(subject)}, compared</h1>");
        page.AppendLine("<p>Every figure is the program under test divided by its opponent: below 1 it needs less, above 1 it needs more and the row says LOSS.</p>");
        AppendFacts(page, report);
        foreach (var group in report.Groups)
            AppendGroup(page, report, group.Key.Stage, [.. group]);
        AppendNotes(page, report);
        page.AppendLine("</body>\n</html>");
        File.WriteAllText(path, page.ToString());
    }

    /// <summary>Text for HTML content and attributes.</summary>
    public static string Escape(string text) => WebUtility.HtmlEncode(text);

    private static void AppendFacts(StringBuilder page, Report report)
    {
        var host = report.Host;
        List<(string Name, string Value)> facts =
        [
            ("Machine", $"{host.Processor}, {host.ProcessorCount} CPUs, {ByteSize.Format(host.MemoryBytes)} memory"),
            ("System", $"Linux {host.Kernel}, {host.System}"),
            ("Versions", string.Join("; ", host.Versions.Select(version => $"{version.Key}: {version.Value}"))),
            ("Date", $"{host.Date:yyyy-MM-dd HH:mm} UTC"),
            ("Load at start", Figures.Two(host.LoadAverage) + (host.IsBusy ? ": the host was busy with other work, and the figures suffer from it" : "")),
            ("Content", $"{ByteSize.Format(report.Options.SizeBytes)} plain, {ByteSize.Format(report.Options.CompressedSizeBytes)} compressed, seed {report.Options.Seed}"),
            ("Durability", Report.Durability),
            ("Method", Report.Method),
        ];
        facts.AddRange(report.Stages.Select(stage => (stage.Key == "disk" ? $"Disk ({host.DiskFileSystem})" : "RAM", stage.Value)));
        page.AppendLine("<dl>");
        foreach (var (name, value) in facts)
            page.AppendLine($"<dt>{Escape(name)}</dt><dd>{Escape(value)}</dd>");
        page.AppendLine("</dl>");
    }

    private static void AppendGroup(StringBuilder page, Report report, string stage, IReadOnlyList<Comparison> rows)
    {
        var place = stage == "disk" ? "Disk" : "RAM-backed block devices";
        page.AppendLine($"<h2>{place}, against {Escape(rows[0].Opponent.Title)}</h2>");
        page.AppendLine($"<p class=\"soft\">Under test: {Escape(Report.SubjectTitle(rows[0]))}.</p>");
        var measured = rows.Where(row => row.Subject is not null).ToList();
        if (measured.Count > 0)
            page.AppendLine($"<div class=\"scroll\">\n{RatioPlot.Draw(measured, report.Options.SelfCheck)}</div>");
        page.AppendLine("<div class=\"scroll\"><table>\n<tr><th>case</th><th>wall</th><th>CPU</th><th>peak memory</th><th>system calls/GiB</th><th>target size</th><th>stock spread</th></tr>");
        foreach (var row in rows)
            AppendRow(page, row, report.Options.SelfCheck);
        page.AppendLine("</table></div>");
    }

    private static void AppendRow(StringBuilder page, Comparison row, bool selfCheck)
    {
        page.Append($"<tr><td>{Escape(row.Case.Name)}</td>");
        if (row.Problem is { } problem)
        {
            page.AppendLine($"<td class=\"problem\" colspan=\"6\"><span class=\"loss\">FAILED</span> {Escape(problem)}</td></tr>");
            return;
        }

        foreach (var metric in Figures.Metrics)
            page.Append($"<td>{RatioCell(row, metric, selfCheck)}<small>{Escape(Figures.Absolute(row, metric))}</small></td>");
        page.Append($"<td>{(row.TargetSizeRatio is { } size ? Figures.Times(size) : "–")}</td>");
        page.AppendLine($"<td{(row.IsNoisy ? " class=\"missed\"" : "")}>{Escape(Figures.Spread(row))}</td></tr>");
    }

    private static string RatioCell(Comparison row, Metric metric, bool selfCheck)
    {
        var text = Escape(Figures.RatioText(row, metric));
        if (selfCheck || row.RatioOf(metric) is not { } ratio)
            return text;
        var mark = Figures.Mark(row, metric);
        var target = Figures.TargetText(row, metric);
        var isMissed = row.TargetOf(metric) is { } limit && Figures.Misses(limit, ratio);
        return $"<span class=\"{(ratio.IsLoss ? "loss" : "win")}\">{text}{(mark.Length > 0 ? " " + mark : "")}</span>"
            + (target.Length > 0 ? $" <span class=\"{(isMissed ? "missed" : "soft")}\">{Escape(target)}</span>" : "");
    }

    private static void AppendNotes(StringBuilder page, Report report)
    {
        List<string> notes = [.. report.Notes];
        if (report.IsInterrupted)
            notes.Insert(0, "The run was interrupted: rows are missing.");
        if (notes.Count > 0)
            page.AppendLine($"<h2>Left out</h2>\n<ul>{string.Concat(notes.Select(note => $"<li>{Escape(note)}</li>"))}</ul>");
    }
}
