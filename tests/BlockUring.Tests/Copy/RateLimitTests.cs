using BlockUring.Copy;
using CsCheck;
using Xunit;

namespace BlockUring.Tests.Copy;

public sealed class RateLimitTests
{
    private const string Seed = "0000XIXmIjS4";
    private const long MiB = 1 << 20;

    [Fact]
    public void Zero_is_unlimited()
    {
        RateLimit limit = new(new ManualTime());
        for (int i = 0; i < 1000; i++)
            Assert.Equal(TimeSpan.Zero, limit.Reserve(1L << 40));
    }

    [Fact]
    public void A_full_bucket_lets_one_burst_through_and_then_paces()
    {
        RateLimit limit = new(new ManualTime(), bytesPerSecond: 1000);
        Assert.Equal(100, limit.BurstBytes);
        Assert.Equal(TimeSpan.Zero, limit.Reserve(60));
        Assert.Equal(TimeSpan.Zero, limit.Reserve(40));
        Assert.Equal(TimeSpan.FromMilliseconds(50), limit.Reserve(50));
        Assert.Equal(TimeSpan.FromMilliseconds(100), limit.Reserve(50));
    }

    [Fact]
    public void A_request_larger_than_the_burst_starts_at_once_and_later_ones_pay_for_it()
    {
        RateLimit limit = new(new ManualTime(), bytesPerSecond: 1000);
        Assert.Equal(TimeSpan.Zero, limit.Reserve(2000));
        Assert.Equal(TimeSpan.FromMilliseconds(1910), limit.Reserve(10));
    }

    [Fact]
    public void An_idle_bucket_saves_up_no_more_than_the_burst()
    {
        ManualTime time = new();
        RateLimit limit = new(time, bytesPerSecond: 1000, burstBytes: 300);
        time.Advance(TimeSpan.FromDays(365));
        Assert.Equal(TimeSpan.Zero, limit.Reserve(300));
        Assert.Equal(TimeSpan.FromMilliseconds(1), limit.Reserve(1));
    }

    [Fact]
    public void The_rate_started_never_exceeds_the_promise_in_any_stretch_of_time()
    {
        Gen.Select(Gen.Long[1, 1L << 34], Gen.Long[0, 4 * MiB], Gen.Int[0, 2], Gen.Bool, Gen.Int[0, int.MaxValue]).Sample(
            (rate, burst, clock, late, seed) =>
            {
                Random random = new(seed);
                ManualTime time = new(clock switch { 0 => 1_000_000_000, 1 => 10_000_000, _ => 2_593_907_001 });
                RateLimit limit = new(time, rate, burst);
                List<(TimeSpan At, long Bytes)> started = [];
                TimeSpan now = TimeSpan.Zero;
                long largest = 0;
                for (int i = 0; i < 40; i++)
                {
                    long bytes = random.NextInt64(0, 3 * MiB);
                    largest = Math.Max(largest, bytes);
                    TimeSpan wait = limit.Reserve(bytes);
                    if (late && random.Next(4) == 0)
                        wait += TimeSpan.FromTicks(random.Next(1 << 22));
                    time.Advance(wait);
                    now += wait;
                    started.Add((now, bytes));
                }

                AssertPromise(started, rate, Math.Max(limit.BurstBytes, largest) + (late ? largest : 0));
            },
            seed: Seed,
            iter: 500);
    }

    [Fact]
    public void A_caller_that_is_always_busy_gets_the_full_rate()
    {
        Gen.Select(Gen.Long[1, 1L << 34], Gen.Long[0, 4 * MiB], Gen.Int[1, 16], Gen.Int[0, int.MaxValue]).Sample(
            (rate, burst, workers, seed) =>
            {
                Random random = new(seed);
                ManualTime time = new();
                RateLimit limit = new(time, rate, burst);
                // Each worker starts its request when it was told to, and reserves the next one at that moment.
                PriorityQueue<long, TimeSpan> waiting = new();
                TimeSpan now = TimeSpan.Zero;
                long started = 0;
                long largest = 0;
                for (int i = 0; i < workers; i++)
                    Enqueue();
                for (int i = 0; i < 500; i++)
                {
                    Assert.True(waiting.TryDequeue(out long bytes, out TimeSpan at));
                    time.Advance(at - now);
                    now = at;
                    started += bytes;
                    Enqueue();
                }

                // What is reserved but not started yet is at most one request per worker; each wait is rounded up to 100 ns.
                double roundingBytes = 500 * 1e-7 * rate;
                double earned = rate * now.TotalSeconds;
                Assert.InRange(started, earned - (workers * largest) - roundingBytes, earned + Math.Max(limit.BurstBytes, largest) + 1);

                void Enqueue()
                {
                    long bytes = random.NextInt64(1, 2 * MiB);
                    largest = Math.Max(largest, bytes);
                    waiting.Enqueue(bytes, now + limit.Reserve(bytes));
                }
            },
            seed: Seed,
            iter: 300);
    }

    [Fact]
    public void Asking_often_at_a_low_rate_loses_nothing()
    {
        ManualTime time = new();
        RateLimit limit = new(time, bytesPerSecond: 3, burstBytes: 1);
        _ = limit.Reserve(1);
        TimeSpan wait = limit.Reserve(1, out long ticket);
        Assert.Equal(TimeSpan.FromTicks(3333334), wait);
        for (int i = 0; i < 3333333; i++)
        {
            time.Advance(TimeSpan.FromTicks(1));
            if (limit.Remaining(ticket) == TimeSpan.Zero)
                Assert.Fail($"too early, after {i} ticks");
        }

        time.Advance(TimeSpan.FromTicks(1));
        Assert.Equal(TimeSpan.Zero, limit.Remaining(ticket));
    }

    [Fact]
    public void Raising_the_rate_shortens_the_wait_of_who_already_waits()
    {
        ManualTime time = new();
        RateLimit limit = new(time, bytesPerSecond: 1000, burstBytes: 100);
        _ = limit.Reserve(100);
        Assert.Equal(TimeSpan.FromSeconds(10), limit.Reserve(10_000, out long first) + TimeSpan.FromSeconds(9.9));
        Assert.Equal(TimeSpan.FromSeconds(10.1), limit.Reserve(100, out long second));
        time.Advance(TimeSpan.FromSeconds(1.1));
        Assert.Equal(TimeSpan.Zero, limit.Remaining(first));
        limit.BytesPerSecond = 9000;
        Assert.Equal(TimeSpan.FromSeconds(1), limit.Remaining(second));
    }

    [Fact]
    public void Lowering_the_rate_lengthens_the_wait_and_cuts_what_was_saved_up()
    {
        ManualTime time = new();
        RateLimit limit = new(time, bytesPerSecond: 1000);
        _ = limit.Reserve(100);
        Assert.Equal(TimeSpan.FromMilliseconds(100), limit.Reserve(100, out long ticket));
        limit.BytesPerSecond = 10;
        Assert.Equal(TimeSpan.FromSeconds(10), limit.Remaining(ticket));
        time.Advance(TimeSpan.FromMinutes(1));
        Assert.Equal(1, limit.BurstBytes);
        Assert.Equal(TimeSpan.Zero, limit.Reserve(1));
        Assert.Equal(TimeSpan.FromMilliseconds(100), limit.Reserve(1));
    }

    [Fact]
    public void Unlimited_releases_who_waits_and_forgives_the_debt()
    {
        ManualTime time = new();
        RateLimit limit = new(time, bytesPerSecond: 10);
        _ = limit.Reserve(1_000_000);
        Assert.True(limit.Reserve(5, out long ticket) > TimeSpan.FromHours(24));
        limit.BytesPerSecond = 0;
        Assert.Equal(TimeSpan.Zero, limit.Remaining(ticket));
        Assert.Equal(TimeSpan.Zero, limit.Reserve(1L << 40));
        limit.BytesPerSecond = 1000;
        Assert.Equal(TimeSpan.Zero, limit.Remaining(ticket));
        Assert.True(limit.Reserve(100) <= TimeSpan.FromMilliseconds(100));
    }

    [Fact]
    public void Changes_while_running_keep_the_promise_of_each_rate_in_force()
    {
        Gen.Int[0, int.MaxValue].Sample(
            seed =>
            {
                Random random = new(seed);
                ManualTime time = new();
                RateLimit limit = new(time, MiB);
                double earned = limit.BurstBytes;
                long started = 0;
                for (int i = 0; i < 200; i++)
                {
                    long bytes = random.NextInt64(0, MiB / 4);
                    TimeSpan wait = limit.Reserve(bytes, out long ticket);
                    while (wait > TimeSpan.Zero)
                    {
                        TimeSpan slice = TimeSpan.FromTicks(Math.Min(wait.Ticks, random.Next(1, 2_000_000)));
                        time.Advance(slice);
                        earned += limit.BytesPerSecond * slice.TotalSeconds;
                        if (random.Next(8) == 0)
                            limit.BytesPerSecond = random.NextInt64(MiB / 8, 8 * MiB);
                        wait = limit.Remaining(ticket);
                    }

                    started += bytes;
                    Assert.True(started <= earned + MiB + 1, $"request {i}: {started} bytes started, {earned} earned");
                }
            },
            seed: Seed,
            iter: 200);
    }

    [Fact]
    public void Extreme_rates_and_sizes_do_not_overflow()
    {
        ManualTime time = new();
        RateLimit slow = new(time, bytesPerSecond: 1);
        _ = slow.Reserve(long.MaxValue / 2);
        Assert.Equal(TimeSpan.MaxValue, slow.Reserve(1));
        RateLimit fast = new(time, bytesPerSecond: long.MaxValue);
        time.Advance(TimeSpan.FromDays(3650));
        Assert.Equal(TimeSpan.Zero, fast.Reserve(1L << 50));
    }

    [Fact]
    public void Negative_numbers_are_refused()
    {
        ManualTime time = new();
        RateLimit limit = new(time);
        Assert.Throws<ArgumentOutOfRangeException>(() => new RateLimit(time, -1));
        Assert.Throws<ArgumentOutOfRangeException>(() => new RateLimit(time, 1, -1));
        Assert.Throws<ArgumentOutOfRangeException>(() => limit.BytesPerSecond = -1);
        Assert.Throws<ArgumentOutOfRangeException>(() => limit.Reserve(-1));
    }

    [Fact]
    public void Reserving_allocates_nothing()
    {
        RateLimit limit = new(TimeProvider.System, 1000);
        _ = limit.Reserve(1);
        long before = GC.GetAllocatedBytesForCurrentThread();
        for (int i = 0; i < 1000; i++)
            _ = limit.Reserve(10);
        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
    }

    private static void AssertPromise(List<(TimeSpan At, long Bytes)> started, long rate, long slack)
    {
        for (int from = 0; from < started.Count; from++)
        {
            Int128 sum = 0;
            for (int to = from; to < started.Count; to++)
            {
                sum += started[to].Bytes;
                Int128 stretch = (started[to].At - started[from].At).Ticks;
                // One tick of 100 ns on either side is the rounding of the clock.
                Int128 allowed = ((Int128)rate * (stretch + 2) / TimeSpan.TicksPerSecond) + slack + 1;
                Assert.True(sum <= allowed, $"requests {from} to {to}: {sum} bytes, {allowed} allowed");
            }
        }
    }
}
