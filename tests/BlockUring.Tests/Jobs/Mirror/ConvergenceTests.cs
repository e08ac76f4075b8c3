using BlockUring.Jobs;
using BlockUring.Jobs.Mirror;
using Xunit;

namespace BlockUring.Tests.Jobs.Mirror;

public sealed class ConvergenceTests
{
    [Fact]
    public void Three_passes_that_leave_as_much_as_they_found_are_no_progress()
    {
        var convergence = new Convergence();
        convergence.Note(1000, 1000);
        convergence.Note(1000, 900);
        Assert.False(convergence.IsStuck);
        convergence.Note(900, 1200);
        Assert.True(convergence.IsStuck);
    }

    [Fact]
    public void A_pass_that_leaves_clearly_less_begins_the_count_anew()
    {
        var convergence = new Convergence();
        convergence.Note(1000, 1000);
        convergence.Note(1000, 1000);
        convergence.Note(1000, 700);
        convergence.Note(700, 700);
        convergence.Note(700, 700);
        Assert.False(convergence.IsStuck);
    }

    [Fact]
    public void What_fails_again_and_again_is_tried_ever_later()
    {
        var backoff = new Backoff();
        var waits = Enumerable.Range(0, 20).Select(_ => backoff.Next()).ToArray();
        Assert.Equal(waits.Order(), waits);
        Assert.Equal(TimeSpan.FromSeconds(1), waits[^1]);
        backoff.Reset();
        Assert.Equal(waits[0], backoff.Next());
    }
}
