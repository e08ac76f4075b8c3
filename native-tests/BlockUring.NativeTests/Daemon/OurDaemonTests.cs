using Xunit;

namespace BlockUring.NativeTests.Daemon;

/// <summary>Says once that the comparison with our own daemon is missing.</summary>
public sealed class OurDaemonTests
{
    [Fact]
    public void OurDaemonPlaysTheScenariosToo()
    {
        if (DaemonUnderTest.WhyMissing(Side.Ours) is { } reason)
            Assert.Skip(reason);
        Assert.Contains(DaemonTestBase.Sides, row => row.Data == Side.Ours);
    }
}
