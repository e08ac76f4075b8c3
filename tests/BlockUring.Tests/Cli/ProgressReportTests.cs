using BlockUring.Cli.Output;
using Xunit;

namespace BlockUring.Tests.Cli;

public sealed class ProgressReportTests
{
    [Fact]
    public void LinesComeAtStepsAndAtBothEnds()
    {
        using var text = new StringWriter();
        using (var progress = ProgressReport.Start(new CommandOutput(text, new StringWriter()), isShown: true, minSkip: 2))
        {
            progress.MoveTo(0);
            foreach (var percent in (float[])[1, 1, 1, 50, 46.875f])
                progress.Advance(percent);
            progress.MoveTo(100);
        }

        Assert.Equal("    (0.00/100%)\r    (3.00/100%)\r    (53.00/100%)\r    (99.88/100%)\r    (100.00/100%)\r\n", text.ToString());
    }

    [Fact]
    public void WithoutTheOptionNothingIsPrinted()
    {
        using var text = new StringWriter();
        using (var progress = ProgressReport.Start(new CommandOutput(text, text), isShown: false, minSkip: 1))
            progress.MoveTo(100);
        Assert.Equal("", text.ToString());
    }
}
