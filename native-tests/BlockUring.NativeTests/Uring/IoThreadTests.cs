using System.Diagnostics;
using BlockUring.Native.Interop;
using BlockUring.Native.Uring;
using Xunit;

namespace BlockUring.NativeTests.Uring;

public class IoThreadTests
{
    [Fact]
    public void NopsComeBackWhetherOneOrManyMoreThanTheRingHolds()
    {
        var sum = IoThread.Run(new IoThreadOptions(), async thread =>
        {
            await thread.Queue.NopAsync();
            var pending = Enumerable.Range(0, 5000).Select(_ => thread.Queue.NopAsync()).ToArray();
            var total = 0;
            foreach (var task in pending)
                total += await task + 1;
            return total;
        });
        Assert.Equal(5000, sum);
    }

    [Fact]
    public void WorkersComeBackToTheThread()
    {
        var id = Environment.CurrentManagedThreadId;
        var back = IoThread.Run(new IoThreadOptions(), async thread =>
        {
            var worker = await thread.OffloadAsync(() => Environment.CurrentManagedThreadId);
            Assert.NotEqual(id, worker);
            await thread.DelayAsync(TimeSpan.FromMilliseconds(5));
            return Environment.CurrentManagedThreadId;
        });
        Assert.Equal(id, back);
    }

    [Fact]
    public void WhatMainThrowsIsThrown() => RingHost.OnOwnThread(() =>
    {
        Assert.Throws<FormatException>(() => IoThread.Run<int>(new IoThreadOptions(), _ => throw new FormatException()));
        Assert.Throws<FormatException>(() => RingHost.RunHere(async thread =>
        {
            await thread.Queue.NopAsync();
            throw new FormatException();
        }));
        Assert.Throws<InvalidOperationException>(() => IoThread.Current);
    });

    [Fact]
    public void WhatAPostedActionThrowsEndsTheThread() => RingHost.OnOwnThread(() =>
        Assert.Throws<FormatException>(() => RingHost.RunHere(async thread =>
        {
            thread.Post(() => throw new FormatException());
            await thread.DelayAsync(TimeSpan.FromSeconds(30));
        })));

    [Fact]
    public void ARunInsideARunIsRefusedAndHarmsNothing() => RingHost.Run(async thread =>
    {
        Assert.Throws<InvalidOperationException>(() => RingHost.RunHere(_ => default));
        Assert.Same(thread, IoThread.Current);
        Assert.Equal(0, await thread.Queue.NopAsync());
    });

    [Fact]
    public void OneThreadRunsManyTimesWithAllFeaturesAndLeavesNoDescriptor() => RingHost.OnOwnThread(() =>
    {
        for (var i = 0; i < 40; i++)
        {
            RingHost.RunHere(async thread =>
            {
                Assert.Equal(0, await thread.Queue.NopAsync());
                Assert.Empty(thread.Features.Notes);
                Assert.True(thread.Features.Has(RingFeature.RegisteredRing));
            });
        }
    });

    [Fact]
    public void YieldsLetOtherWorkGoOn() => RingHost.Run(
        async thread =>
        {
            var done = false;
            var other = Other();
            var count = 0;
            while (!done)
            {
                await thread.YieldAsync();
                count++;
            }

            await other;
            Assert.True(count < 100_000, $"{count} yields");

            async ValueTask Other()
            {
                await thread.Queue.NopAsync();
                await thread.OffloadAsync(() => 1);
                done = true;
            }
        },
        timeoutSeconds: 10);

    [Fact]
    public void EqualDelaysEndInTheOrderOfAsking() => RingHost.Run(async thread =>
    {
        var order = new List<int>();
        var yields = Enumerable.Range(0, 50).Select(i => Yield(i).AsTask()).ToArray();
        await Task.WhenAll(yields);
        Assert.Equal(Enumerable.Range(0, 50), order);

        async ValueTask Yield(int index)
        {
            await thread.YieldAsync();
            order.Add(index);
        }
    });

    [Fact]
    public void VeryLongDelaysDoNotEndAtOnce() => RingHost.Run(async thread =>
    {
        var never = thread.DelayAsync(TimeSpan.MaxValue);
        await thread.DelayAsync(TimeSpan.FromMilliseconds(20));
        Assert.False(never.IsCompleted);
    });

    [Fact]
    public void PostsFromOtherThreadsAllRunWhileTheThreadSleeps() => RingHost.Run(
        async thread =>
        {
            const int posters = 3;
            const int each = 20_000;
            var here = Environment.CurrentManagedThreadId;
            var count = 0;
            var wrongThread = 0;
            var threads = Enumerable.Range(0, posters).Select(p => new Thread(() =>
            {
                for (var i = 0; i < each; i++)
                {
                    thread.Post(() =>
                    {
                        count++;
                        wrongThread += Environment.CurrentManagedThreadId == here ? 0 : 1;
                    });
                    if (i % 64 == p)
                        Thread.Yield();
                }
            })).ToArray();
            foreach (var poster in threads)
                poster.Start();
            while (count < posters * each)
                await thread.DelayAsync(TimeSpan.FromMilliseconds(1));
            Assert.Equal(0, wrongThread);
            foreach (var poster in threads)
                poster.Join();
        });

    [Fact]
    public void ATaskEndedByAPostNeedsNoOtherEvent() => RingHost.Run(
        async thread =>
        {
            // No timer runs here: a lost wake-up would be a hang.
            for (var i = 0; i < 20_000; i++)
            {
                var source = new TaskCompletionSource();
                ThreadPool.UnsafeQueueUserWorkItem(static s => s.thread.Post(s.source.SetResult), (thread, source), preferLocal: false);
                await source.Task;
            }
        },
        timeoutSeconds: 120);

    [Fact]
    public void MainMayEndWithOperationsThatNobodyWillEverEnd() => RingHost.OnOwnThread(
        () =>
        {
            var (left, right) = TestTarget.SocketPair();
            var watch = Stopwatch.StartNew();
            var abandoned = 0;
            RingHost.RunHere(async thread =>
            {
                var buffer = thread.Buffers.Rent(4096);
                _ = Watch(thread.Queue.ReceiveAsync(right, buffer.Memory));
                for (var i = 0; i < 600; i++)
                    _ = Watch(thread.Queue.PollAsync(right, Libc.PollIn));
                await thread.Queue.NopAsync();

                async Task Watch(ValueTask<int> pending)
                {
                    Assert.Equal(-Errno.ECANCELED, await pending);
                    abandoned++;
                }
            });
            Assert.Equal(601, abandoned);
            Assert.True(watch.Elapsed < TimeSpan.FromSeconds(4), $"took {watch.Elapsed}");
            left.Dispose();
            right.Dispose();
        });

    [Fact]
    public void WritesLeftInFlightByMainReachTheFile() => RingHost.OnOwnThread(() =>
    {
        using var temp = new TempFile();
        using var file = temp.Open();
        Assert.Throws<FormatException>(() => IoThread.Run<int>(new IoThreadOptions(), thread =>
        {
            var buffer = thread.Buffers.Rent(1 << 20);
            buffer.Span.Fill(5);
            _ = thread.Queue.WriteAsync(file, 0, buffer.Memory).AsTask();
            throw new FormatException();
        }));
        Assert.Equal(1 << 20, File.ReadAllBytes(temp.Path).Count(b => b == 5));
    });

    [Fact]
    public void AContinuationMayStartOperationsAndAwaitOthersMeanwhile() => RingHost.Run(
        async thread =>
        {
            var total = 0;
            await Task.WhenAll(Enumerable.Range(0, 8).Select(i => Tree(6).AsTask()));
            Assert.Equal(8 * 127, total);

            async ValueTask Tree(int depth)
            {
                await thread.Queue.NopAsync();
                total++;
                if (depth == 0)
                    return;
                var left = Tree(depth - 1);
                var right = Tree(depth - 1);
                await left;
                await right;
            }
        },
        RingHost.With(entries: 4));

    [Fact]
    public void AnOperationIsAwaitedOnce() => RingHost.Run(async thread =>
    {
        var nop = thread.Queue.NopAsync();
        Assert.Equal(0, await nop);
        await Assert.ThrowsAsync<InvalidOperationException>(async () => await nop);
        var first = new TaskCompletionSource();
#pragma warning disable CA2012 // The second await is what is tested.
        var pending = thread.Queue.NopAsync().GetAwaiter();
#pragma warning restore CA2012
        pending.OnCompleted(first.SetResult);
        Assert.Throws<InvalidOperationException>(() => pending.OnCompleted(() => { }));
        await first.Task;
        Assert.Equal(0, pending.GetResult());
    });

    [Fact]
    public void AnsweredErrorNumbersAreResultsNotFaults() => RingHost.Run(async thread =>
    {
        var poll = thread.Queue.PollAsync(new TestTarget(-1), Libc.PollIn);
        await thread.Queue.NopAsync();
        Assert.True(poll.IsCompletedSuccessfully);
        Assert.Equal(-Errno.EBADF, await poll);
    });

    [Fact]
    public void TheCallersSynchronizationContextIsNotUsed() => RingHost.OnOwnThread(() =>
    {
        var context = new CountingContext();
        SynchronizationContext.SetSynchronizationContext(context);
        RingHost.RunHere(async thread =>
        {
            var here = Environment.CurrentManagedThreadId;
            for (var i = 0; i < 20; i++)
            {
                await thread.YieldAsync();
                Assert.Equal(here, Environment.CurrentManagedThreadId);
                await thread.OffloadAsync(() => 1);
                Assert.Equal(here, Environment.CurrentManagedThreadId);
            }
        });
        Assert.Same(context, SynchronizationContext.Current);
        Assert.Equal(0, context.PostCount);
    });

    [Fact]
    public void MainEndedByAnotherThreadStillEnds() => RingHost.OnOwnThread(
        () => RingHost.RunHere(async _ => await Task.Run(() => Thread.Sleep(50))),
        timeoutSeconds: 10);

    private sealed class CountingContext : SynchronizationContext
    {
        public int PostCount { get; private set; }

        public override void Post(SendOrPostCallback d, object? state)
        {
            PostCount++;
            base.Post(d, state);
        }
    }
}
