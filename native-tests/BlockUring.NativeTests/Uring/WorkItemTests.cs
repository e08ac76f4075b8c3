using BlockUring.Native.Uring;
using Xunit;

namespace BlockUring.NativeTests.Uring;

public class WorkItemTests
{
    [Fact]
    public void AHundredThousandTinyItemsAllComeBackInTheirTurn() => RingHost.Run(
        async thread =>
        {
            // Eight loops keep the workers and the thread going to sleep and waking up at every distance from each other.
            const int loops = 8;
            const int each = 12_500;
            var here = Environment.CurrentManagedThreadId;
            var sums = await Task.WhenAll(Enumerable.Range(0, loops).Select(Loop));
            Assert.All(sums, sum => Assert.Equal(each * (each + 1L) / 2, sum));

            async Task<long> Loop(int index)
            {
                var item = new Sum();
                for (var i = 1; i <= each; i++)
                {
                    item.Next = i;
                    await thread.OffloadAsync(item);
                    Assert.Equal(here, Environment.CurrentManagedThreadId);
                }

                return item.Total;
            }
        },
        timeoutSeconds: 180);

    [Fact]
    public void OneItemAtATimeIsNeverLost() => RingHost.Run(
        async thread =>
        {
            var item = new Sum { Next = 1 };
            for (var i = 0; i < 20_000; i++)
                await thread.OffloadAsync(item);
            Assert.Equal(20_000, item.Total);
        },
        timeoutSeconds: 120);

    [Fact]
    public void FailuresComeBackAndTheItemStaysUsable() => RingHost.Run(async thread =>
    {
        var item = new Sum();
        for (var i = 0; i < 10; i++)
        {
            item.Next = -1;
            await Assert.ThrowsAsync<FormatException>(async () => await thread.OffloadAsync(item));
            item.Next = 2;
            await thread.OffloadAsync(item);
        }

        Assert.Equal(20, item.Total);
    });

    [Fact]
    public void AnItemIsGivenOutOnceAtATime() => RingHost.Run(async thread =>
    {
        var item = new Sum { Next = 1 };
        var first = thread.OffloadAsync(item);
        await Assert.ThrowsAsync<InvalidOperationException>(async () => await thread.OffloadAsync(item));
        await first;
        await thread.OffloadAsync(item);
        Assert.Equal(2, item.Total);
    });

    [Fact]
    public void ItemsRunSideBySideAlthoughOneWorkerWasIdle() => RingHost.Run(
        async thread =>
        {
            await thread.OffloadAsync(() => 0);
            await thread.DelayAsync(TimeSpan.FromMilliseconds(50));
            using var meeting = new Barrier(2);
            var left = thread.OffloadAsync(() => meeting.SignalAndWait(5000));
            var right = thread.OffloadAsync(() => meeting.SignalAndWait(5000));
            Assert.True(await left);
            Assert.True(await right);
        },
        new IoThreadOptions { WorkerCount = 2 });

    [Fact]
    public void WorkLeftBehindByMainEndsBeforeBuffersGo() => RingHost.OnOwnThread(() =>
    {
        var written = false;
        RingHost.RunHere(thread =>
        {
            var buffer = thread.Buffers.Rent(4096);
            _ = thread.OffloadAsync(() =>
            {
                Thread.Sleep(100);
                buffer.Span.Fill(1);
                return written = true;
            }).AsTask();
            return default;
        });
        Assert.True(written);
    });

    private sealed class Sum : WorkItem
    {
        public long Next { get; set; }

        public long Total { get; private set; }

        protected override void Execute()
        {
            if (Next < 0)
                throw new FormatException();
            Total += Next;
        }
    }
}
