using BlockUring.Native.Uring;
using Xunit;

namespace BlockUring.NativeTests.Uring;

public class OperationTests
{
    public static TheoryData<string> Scenarios => [.. RingScenarios.All.Keys];

    [Theory]
    [MemberData(nameof(Scenarios))]
    public void HoldsOnTheBestRing(string scenario) => RingHost.Run(RingScenarios.All[scenario]);

    [Theory]
    [MemberData(nameof(Scenarios))]
    public void HoldsOnThePoorestRing(string scenario) =>
        RingHost.Run(RingScenarios.All[scenario], RingHost.With(without: RingHost.AllFeatures));

    [Theory]
    [MemberData(nameof(Scenarios))]
    public void HoldsOnATinyRing(string scenario) => RingHost.Run(RingScenarios.All[scenario], RingHost.With(entries: 1));

    [Theory]
    [InlineData(RingFeature.SingleIssuer)]
    [InlineData(RingFeature.DeferTaskrun)]
    [InlineData(RingFeature.CoopTaskrun)]
    [InlineData(RingFeature.NoSqArray)]
    [InlineData(RingFeature.RegisteredRing)]
    [InlineData(RingFeature.RegisteredFiles)]
    [InlineData(RingFeature.RegisteredBuffers)]
    [InlineData(RingFeature.ExtArg)]
    [InlineData(RingFeature.SubmitAll)]
    public void AFeatureSwitchedOffIsNotUsedAndIsReported(RingFeature feature) => RingHost.Run(
        thread =>
        {
            Assert.False(thread.Features.Has(feature));
            Assert.Contains(thread.Features.Notes, note => note.StartsWith(feature.ToString(), StringComparison.Ordinal));
            return default;
        },
        RingHost.With(without: feature));

    [Fact]
    public void EveryScenarioHoldsOnEveryCombinationOfFallBacks()
    {
        var failures = new List<string>();
        for (var without = RingFeature.None; without <= RingHost.AllFeatures; without++)
        {
            var running = "start";
            try
            {
                RingHost.Run(RunAll, RingHost.With(entries: 8, without: without), timeoutSeconds: 60);
            }
            catch (Exception e)
            {
                failures.Add($"{running} without {without}: {e.Message}");
            }

            if (failures.Count > 5)
                break;

            async ValueTask RunAll(IoThread thread)
            {
                foreach (var (name, scenario) in RingScenarios.All)
                {
                    running = name;
                    await scenario(thread);
                }
            }
        }

        Assert.Empty(failures);
    }
}
