using BlockUring.Graph.Throttling;
using BlockUring.Images;
using BlockUring.Native.Memory;
using Xunit;

namespace BlockUring.Tests.Graph.Throttling;

/// <summary>When requests go. The expected times follow from QEMU's rule: a request goes when no bucket is over-full, and is charged then.</summary>
public sealed class ThrottleGroupTests : IDisposable
{
    private readonly BufferPool buffers = new();
    private readonly ManualScheduler scheduler;
    private readonly List<(string Name, double Seconds)> gone = [];
    private readonly long start;

    public ThrottleGroupTests()
    {
        SynchronizationContext.SetSynchronizationContext(null);
        scheduler = new ManualScheduler(buffers);
        start = scheduler.Time.GetTimestamp();
    }

    public void Dispose() => buffers.Dispose();

    [Fact]
    public void WithoutLimitsNothingWaits()
    {
        var member = Group("").Join();
        for (var i = 0; i < 1000; i++)
            Ask("r", member, 1 << 30, i % 2 == 0);
        Assert.Equal(1000, gone.Count);
    }

    [Theory]
    [InlineData("iops-total=10", 0, "0 0 0.1 0.2 0.3")]
    [InlineData("iops-read=10", 0, "0 0 0.1 0.2 0.3")]
    [InlineData("iops-write=10", 0, "0 0 0 0 0")]
    [InlineData("bps-total=10240", 1024, "0 0 0.1 0.2 0.3")]
    [InlineData("bps-total=1024", 1024, "0 0.9 1.9 2.9 3.9")]
    [InlineData("bps-read=1024,iops-read=1", 512, "0 0.9 1.9 2.9 3.9")]
    [InlineData("iops-total=10,iops-size=512", 1024, "0 0.1 0.3 0.5 0.7")]
    [InlineData("iops-total=10,iops-total-max=30", 0, "0 0 0 0 0")]
    [InlineData("iops-total=10,iops-total-max=20,iops-total-max-length=3", 0, "0 0 0 0.05 0.1")]
    public void ReadsGoAtTheRate(string limits, long length, string times)
    {
        var member = Group(limits).Join();
        for (var i = 0; i < 5; i++)
            Ask("r", member, length, false);
        scheduler.Advance(TimeSpan.FromSeconds(10));
        var expected = times.Split(' ').Select(t => double.Parse(t, System.Globalization.CultureInfo.InvariantCulture)).ToArray();
        Assert.Equal(expected.Length, gone.Count);
        for (var i = 0; i < expected.Length; i++)
            Assert.Equal(expected[i], gone[i].Seconds, 0.0001);
    }

    [Fact]
    public void ABurstEndsAndTheAverageHolds()
    {
        var member = Group("iops-total=10,iops-total-max=50,iops-total-max-length=2").Join();
        for (var i = 0; i < 400; i++)
            Ask("r", member, 0, false);
        scheduler.Advance(TimeSpan.FromSeconds(10));
        Assert.InRange(gone.Count(g => g.Seconds <= 2), 100, 110);
        Assert.InRange(gone.Count(g => g.Seconds is > 3 and <= 9), 59, 61);
        Assert.InRange(gone.Count, 190, 205);
    }

    [Fact]
    public void MembersTakeTurns()
    {
        var group = Group("iops-total=10");
        var (one, two, three) = (group.Join(), group.Join(), group.Join());
        for (var i = 0; i < 8; i++)
            Ask("1", one, 0, false);
        for (var i = 0; i < 2; i++)
            Ask("2", two, 0, false);
        Ask("3", three, 0, false);
        scheduler.Advance(TimeSpan.FromSeconds(10));
        Assert.Equal("11" + "123" + "12" + "1111", string.Concat(gone.Select(g => g.Name)));
    }

    [Fact]
    public void ReadsAndWritesShareATotalWithoutStarving()
    {
        var member = Group("iops-total=10").Join();
        for (var i = 0; i < 20; i++)
        {
            Ask("w", member, 0, true);
            Ask("r", member, 0, false);
        }

        scheduler.Advance(TimeSpan.FromSeconds(2));
        Assert.InRange(gone.Count(g => g.Name == "r"), 9, 12);
        Assert.InRange(gone.Count(g => g.Name == "w"), 9, 12);
        scheduler.Advance(TimeSpan.FromSeconds(8));
        Assert.Equal(40, gone.Count);
    }

    [Fact]
    public void OtherLimitsTakeEffectAtOnce()
    {
        var group = Group("iops-total=1");
        var member = group.Join();
        for (var i = 0; i < 5; i++)
            Ask("r", member, 0, false);
        scheduler.Advance(TimeSpan.FromSeconds(0.5));
        Assert.Single(gone);
        group.Limits = group.Limits.With(new Dictionary<string, long> { ["iops-total"] = 10 });
        Assert.Equal(3, gone.Count);
        scheduler.Advance(TimeSpan.FromSeconds(0.35));
        Assert.Equal(5, gone.Count);

        for (var i = 0; i < 5; i++)
            Ask("r", member, 0, false);
        group.Limits = ThrottleLimits.None;
        Assert.Equal(10, gone.Count);
        scheduler.Advance(TimeSpan.FromSeconds(100));
        Assert.Equal(10, gone.Count);
    }

    [Fact]
    public void AMemberInAHurryGoesAtOnceAndIsChargedAllTheSame()
    {
        var group = Group("iops-total=1");
        var (one, two) = (group.Join(), group.Join());
        for (var i = 0; i < 5; i++)
            Ask("1", one, 0, i % 2 == 0);
        Ask("2", two, 0, false);
        group.Hurry(one);
        group.Hurry(one);
        group.EndHurry(one);
        Assert.Equal("11111", string.Concat(gone.Select(g => g.Name)));
        Ask("1", one, 0, false);
        Assert.Equal(6, gone.Count);
        group.EndHurry(one);
        Ask("1", one, 0, false);
        Assert.Equal(6, gone.Count);
        scheduler.Advance(TimeSpan.FromSeconds(20));
        Assert.Equal("11111121", string.Concat(gone.Select(g => g.Name)));
    }

    [Fact]
    public void ALongWaitIsKeptToTheMoment()
    {
        var member = Group("bps-total=1000").Join();
        Ask("r", member, 10_000, false);
        Ask("r", member, 1, false);
        scheduler.Advance(TimeSpan.FromSeconds(9.89));
        Assert.Single(gone);
        scheduler.Advance(TimeSpan.FromSeconds(0.02));
        Assert.Equal(2, gone.Count);
    }

    [Fact]
    public void OneMayLeaveWhenItWaitsForNothing()
    {
        var group = Group("iops-total=1");
        var (one, two) = (group.Join(), group.Join());
        Ask("2", two, 0, false);
        Ask("2", two, 0, false);
        Assert.Throws<InvalidOperationException>(() => group.Leave(two));
        group.Leave(one);
        scheduler.Advance(TimeSpan.FromSeconds(2));
        group.Leave(two);
        Assert.Equal(0, group.MemberCount);
    }

    private ThrottleGroup Group(string limits) => new(scheduler, "g", ThrottleLimits.Parse(OptionTree.ParseKeyValues(limits)));

    private void Ask(string name, ThrottleMember member, long length, bool isWrite)
    {
        var admission = member.Group.AdmitAsync(member, length, isWrite).AsTask();
        if (admission.IsCompleted)
            Note();
        else
            admission.GetAwaiter().OnCompleted(Note);

        void Note() => gone.Add((name, (scheduler.Time.GetTimestamp() - start) / (double)scheduler.Time.TimestampFrequency));
    }
}
