using System.Runtime.InteropServices;
using System.Runtime.Versioning;
using BlockUring.Native.Uring;
using Xunit;

namespace BlockUring.NativeTests.Uring;

[SupportedOSPlatform("linux")]
public class SignalTests
{
    [Theory]
    [InlineData(RingFeature.None)]
    [InlineData(RingHost.AllFeatures)]
    public void SignalsInterruptWaitsAndNothingElse(RingFeature without)
    {
        var signals = 0;
        using var handler = PosixSignalRegistration.Create(PosixSignal.SIGWINCH, _ => Interlocked.Increment(ref signals));
        using var stop = new CancellationTokenSource();
        RingHost.Run(
            async thread =>
            {
                var target = Libc.GetThreadId();
                var sender = new Thread(() => SendUntil(target, stop.Token));
                sender.Start();
                try
                {
                    using var temp = new TempFile();
                    using var file = temp.Open();
                    using var written = thread.Buffers.Rent(256 << 10);
                    using var read = thread.Buffers.Rent(256 << 10);
                    for (var i = 0; i < 50; i++)
                    {
                        new Random(i).NextBytes(written.Span);
                        await thread.Queue.WriteAsync(file, i * 4096, written.Memory);
                        await thread.Queue.FlushAsync(file, dataOnly: true);
                        Assert.Equal(0, await thread.Queue.AllocateAsync(file, 0, 0, 512 << 10));
                        await thread.Queue.ReadAsync(file, i * 4096, read.Memory);
                        Assert.True(read.Span.SequenceEqual(written.Span));
                        var start = TimeProvider.System.GetTimestamp();
                        await thread.DelayAsync(TimeSpan.FromMilliseconds(3));
                        Assert.True(TimeProvider.System.GetElapsedTime(start).TotalMilliseconds >= 3);
                        Assert.Equal(i, await thread.OffloadAsync(() => i));
                    }
                }
                finally
                {
                    stop.Cancel();
                    sender.Join();
                }
            },
            RingHost.With(entries: 4, without: without));
        Assert.True(Volatile.Read(ref signals) > 0);
    }

    private static void SendUntil(int threadId, CancellationToken stop)
    {
        while (!stop.IsCancellationRequested)
        {
            _ = Libc.SignalThread(Environment.ProcessId, threadId, Libc.WindowChanged);
            Thread.Sleep(1);
        }
    }
}
