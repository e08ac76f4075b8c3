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
}
