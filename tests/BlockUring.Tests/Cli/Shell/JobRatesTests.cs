using BlockUring.Cli.Shell;
using Xunit;

namespace BlockUring.Tests.Cli.Shell;

public class JobRatesTests
{
    [Theory]
    [InlineData(0, 1000, 200, 1000, 2, 100, 0, 8)]
    [InlineData(0, 1000, 200, 1100, 2, 100, 50, 18)]
    [InlineData(0, 1000, 200, 1300, 2, 100, 150, null)]
    [InlineData(500, 1000, 500, 1000, 1, 0, 0, null)]
    [InlineData(0, 1000, 200, 800, 2, 100, 0, 6)]
    public void WhatIsAddedToTheWorkIsDirty(
        long doneBefore, long totalBefore, long done, long total, double seconds, long rate, long dirtyRate, int? secondsLeft)
    {
        var rates = JobRates.Between((doneBefore, totalBefore), (done, total), seconds);
        Assert.Equal(new JobRates(rate, dirtyRate), rates);
        Assert.Equal(secondsLeft is { } left ? TimeSpan.FromSeconds(left) : null, rates.TimeFor(total - done));
    }
}
