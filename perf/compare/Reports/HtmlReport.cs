using System.Net;
using System.Text;
using BlockUring.Compare.Measuring;

namespace BlockUring.Compare.Reports;

/// <summary>
/// The report as one HTML page that needs nothing else: plots are inline SVG, colours follow the reader's light or dark setting.
/// </summary>
internal static class HtmlReport
{
    public static void Write(Report report, string path)
    {
        var subject = report.Options.SelfCheck ? "qemu-img against itself" : "blockuring img";
        var page = new StringBuilder();
        page.AppendLine("<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">");
        page.AppendLine("<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">");
        page.AppendLine($"<title>{Escape(subject)}: comparison of {report.Host.Date:yyyy-MM-dd}</title>\n<style>\n{ReadStyle()}</style>\n</head>\n<body>");
        page.AppendLine($"<h1>{Escape(subject)}, compared</h1>");
        page.AppendLine("<p>Every figure is the program under test divided by its opponent: "
            + "below 1 it needs less, above 1 it needs more and the row says LOSS.</p>");
        AppendFacts(page, report);
        foreach (var group in report.Groups)
            AppendGroup(page, report, group.Key.Stage, [.. group]);
        AppendNotes(page, report);
        page.AppendLine("</body>\n</html>");
        File.WriteAllText(path, page.ToString());
    }

    /// <summary>Text for HTML content and attributes.</summary>
    public static string Escape(string text) => WebUtility.HtmlEncode(text);

    private static string ReadStyle()
    {
        using var reader = new StreamReader(typeof(HtmlReport).Assembly.GetManifestResourceStream("report.css")!);
        return reader.ReadToEnd();
    }

    private static void AppendFacts(StringBuilder page, Report report)
    {
        page.AppendLine("<dl>");
        foreach (var (name, value) in report.Facts)
            page.AppendLine($"<dt>{Escape(name)}</dt><dd>{Escape(value)}</dd>");
        page.AppendLine("</dl>");
    }

    private static void AppendGroup(StringBuilder page, Report report, string stage, IReadOnlyList<Comparison> rows)
    {
        var place = stage switch
        {
            "disk" => "Disk",
            "zram" => "Compressed RAM disks",
            _ => "RAM-backed block devices",
        };
        page.AppendLine($"<h2>{place}, against {Escape(rows[0].Opponent.Title)}</h2>");
        page.AppendLine($"<p class=\"soft\">Under test: {Escape(Report.SubjectTitle(rows[0]))}.</p>");
        var measured = rows.Where(row => row.Subject is not null).ToList();
        if (measured.Count > 0)
            page.AppendLine($"<div class=\"scroll\">\n{RatioPlot.Draw(measured, report.Options.SelfCheck)}</div>");
        string[] headings = ["case", "wall", "CPU", "peak memory", "system calls/GiB", "target size", "stock spread"];
        page.AppendLine("<div class=\"scroll\"><table>");
        page.AppendLine($"<tr>{string.Concat(headings.Select(heading => $"<th>{heading}</th>"))}</tr>");
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
