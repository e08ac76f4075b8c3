using BlockUring.Copy;
using BlockUring.Graph.Filters;
using BlockUring.Native.Interop;
using BlockUring.Simulation;
using BlockUring.Storage;
using Xunit;

namespace BlockUring.Tests.Graph.Filters;

/// <summary>Waits that fail when their time is up.</summary>
public sealed class DeadlinesTests
{
    private readonly SimulatedScheduler scheduler = new(1);

    [Fact]
    public void Each_wait_fails_at_its_own_time_and_not_before()
    {
        var deadlines = new Deadlines(scheduler);
        var (early, late) = (new Arrival(), new Arrival());
        deadlines.Add(late, TimeSpan.FromSeconds(3));
        deadlines.Add(early, TimeSpan.FromSeconds(1));
        scheduler.Pass(TimeSpan.FromSeconds(0.9));
        Assert.False(early.GetAwaiter().IsCompleted);
        scheduler.Pass(TimeSpan.FromSeconds(1.2));
        Assert.True(early.GetAwaiter().IsCompleted);
        Assert.False(late.GetAwaiter().IsCompleted);
        scheduler.Pass(TimeSpan.FromSeconds(2));
        var failure = Assert.Throws<CopyFailureException>(() => late.GetAwaiter().GetResult());
        Assert.Equal(Errno.ETIMEDOUT, failure.Cause.ErrorNumber);
    }

    [Fact]
    public void One_that_is_late_may_end_another_that_is()
    {
        var deadlines = new Deadlines(scheduler);
        var (first, second) = (new Arrival(), new Arrival());
        deadlines.Add(first, TimeSpan.FromSeconds(1));
        deadlines.Add(second, TimeSpan.FromSeconds(1));
        first.GetAwaiter().OnCompleted(() => EndOther(second));
        second.GetAwaiter().OnCompleted(() => EndOther(first));
        scheduler.Pass(TimeSpan.FromSeconds(2));
        Assert.True(first.GetAwaiter().IsCompleted && second.GetAwaiter().IsCompleted);

        void EndOther(Arrival other)
        {
            if (deadlines.Remove(other))
                other.Succeed();
        }
    }
}
