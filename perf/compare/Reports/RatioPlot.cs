using System.Globalization;
using System.Text;
using BlockUring.Compare.Measuring;

namespace BlockUring.Compare.Reports;

/// <summary>
/// One SVG: a row a case, a panel a metric, bars from the line of 1 on a logarithmic axis: to the left is less than the opponent, to the
/// right more. Whiskers span the pairs, a dashed line is the target.
/// </summary>
internal static class RatioPlot
{
    private const int LabelWidth = 150;
    private const int PanelWidth = 250;
    private const int PanelGap = 24;
    private const int RowHeight = 26;
    private const int Top = 46;
    private const double ValueRoom = 54;
    private static readonly double[] _ticks = [0.01, 0.03, 0.1, 0.25, 0.5, 0.75, 1, 1.5, 2, 4, 10, 30, 100];

    /// <summary>Draws rows that were measured; <paramref name="isNeutral"/> leaves out winning and losing.</summary>
    public static string Draw(IReadOnlyList<Comparison> rows, bool isNeutral)
    {
        var width = LabelWidth + (Figures.Metrics.Count * (PanelWidth + PanelGap));
        var height = Top + (rows.Count * RowHeight) + 8;
        var svg = new StringBuilder();
        svg.AppendLine($"<svg viewBox=\"0 0 {width} {height}\" role=\"img\" aria-label=\"Ratios of each case; the table below has the figures\">");
        for (var index = 0; index < rows.Count; index++)
        {
            var top = Top + (index * RowHeight);
            if (index % 2 == 0)
                svg.AppendLine($"<rect class=\"band\" x=\"0\" y=\"{top}\" width=\"{width}\" height=\"{RowHeight}\"/>");
            svg.AppendLine($"<text x=\"4\" y=\"{top + 17}\">{HtmlReport.Escape(rows[index].Case.Name)}</text>");
        }

        for (var panel = 0; panel < Figures.Metrics.Count; panel++)
            DrawPanel(svg, rows, Figures.Metrics[panel], LabelWidth + (panel * (PanelWidth + PanelGap)), isNeutral);
        svg.AppendLine("</svg>");
        return svg.ToString();
    }

    private static void DrawPanel(StringBuilder svg, IReadOnlyList<Comparison> rows, Metric metric, double left, bool isNeutral)
    {
        var axis = Axis.Over(rows, metric, left);
        svg.AppendLine($"<text x=\"{Text(left)}\" y=\"14\" font-weight=\"600\">{Figures.Name(metric)}</text>");
        var bottom = Top + (rows.Count * RowHeight);
        var lastLabel = double.NegativeInfinity;
        foreach (var tick in _ticks.Where(axis.Contains).OrderByDescending(tick => tick == 1).ThenBy(tick => tick))
        {
            var x = axis.X(tick);
            svg.AppendLine($"<line class=\"{(tick == 1 ? "one" : "grid")}\" x1=\"{Text(x)}\" y1=\"{Top - 8}\" x2=\"{Text(x)}\" y2=\"{bottom}\"/>");
            // Why: labels closer than this would run into each other, and the label of 1 always stays.
            if (tick != 1 && (x - lastLabel < 26 || Math.Abs(x - axis.X(1)) < 26))
                continue;
            if (tick != 1)
                lastLabel = x;
            var label = tick.ToString("0.##", CultureInfo.InvariantCulture);
            svg.AppendLine($"<text class=\"soft\" x=\"{Text(x)}\" y=\"{Top - 12}\" text-anchor=\"middle\">{label}</text>");
        }

        for (var index = 0; index < rows.Count; index++)
            DrawBar(svg, rows[index], metric, axis, Top + (index * RowHeight), isNeutral);
    }

    private static void DrawBar(StringBuilder svg, Comparison row, Metric metric, Axis axis, double top, bool isNeutral)
    {
        if (row.RatioOf(metric) is not { } ratio)
        {
            svg.AppendLine($"<text class=\"soft\" x=\"{Text(axis.X(1) + 6)}\" y=\"{Text(top + 17)}\">n/a</text>");
            return;
        }

        var (from, to) = (Math.Min(axis.X(ratio.Value), axis.X(1)), Math.Max(axis.X(ratio.Value), axis.X(1)));
        var kind = isNeutral ? "even" : ratio.IsLoss ? "loss" : "win";
        var middle = top + (RowHeight / 2.0);
        var figures = $"{Figures.RatioText(row, metric)}; {Figures.Absolute(row, metric)} {Figures.TargetText(row, metric)}";
        svg.AppendLine($"<g><title>{HtmlReport.Escape($"{row.Case.Name}, {Figures.Name(metric)}: {figures}")}</title>");
        var size = $"width=\"{Text(Math.Max(to - from, 1))}\" height=\"{RowHeight - 12}\"";
        svg.AppendLine($"<rect class=\"{kind}\" x=\"{Text(from)}\" y=\"{Text(top + 6)}\" {size} rx=\"2\"/>");
        var whisker = $"M{Text(axis.X(ratio.Lowest))} {Text(middle - 4)}v8m0 -4H{Text(axis.X(ratio.Highest))}m0 -4v8";
        svg.AppendLine($"<path class=\"whisker\" fill=\"none\" d=\"{whisker}\"/>");
        if (!isNeutral && row.TargetOf(metric) is { } target)
            svg.AppendLine($"<path class=\"target\" fill=\"none\" d=\"M{Text(axis.X(target))} {Text(top + 2)}v{RowHeight - 4}\"/>");
        var valueX = Math.Max(Math.Max(to, axis.X(ratio.Highest)), axis.X(1)) + 5;
        var isLoss = !isNeutral && ratio.IsLoss;
        var (style, mark) = isLoss ? (" class=\"loss\"", " LOSS") : ("", "");
        svg.AppendLine($"<text{style} x=\"{Text(valueX)}\" y=\"{Text(top + 17)}\">{Figures.Two(ratio.Value)}{mark}</text></g>");
    }

    private static string Text(double value) => value.ToString("0.#", CultureInfo.InvariantCulture);

    /// <summary>A logarithmic axis that leaves room for the value right of the longest bar.</summary>
    private sealed record Axis(double Left, double Low, double High)
    {
        public static Axis Over(IReadOnlyList<Comparison> rows, Metric metric, double left)
        {
            var ratios = rows.Select(row => row.RatioOf(metric)).OfType<Ratio>();
            var values = ratios.SelectMany(ratio => (double[])[ratio.Lowest, ratio.Highest, ratio.Value]);
            var targets = rows.Select(row => row.TargetOf(metric)).OfType<double>();
            var all = values.Concat(targets).Where(value => value > 0).DefaultIfEmpty(1).ToList();
            return new Axis(left, Math.Min(all.Min() / 1.1, 0.5), Math.Max(all.Max() * 1.1, 1.25));
        }

        public bool Contains(double value) => value >= Low && value <= High;

        public double X(double value) =>
            Left + (Math.Log(Math.Clamp(value, Low, High) / Low) / Math.Log(High / Low) * (PanelWidth - ValueRoom));
    }
}
