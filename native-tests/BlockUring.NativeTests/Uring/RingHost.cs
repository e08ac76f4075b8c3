using System.Runtime.ExceptionServices;
using BlockUring.Native.Uring;
using Xunit;

namespace BlockUring.NativeTests.Uring;

/// <summary>Runs a test's body as the main of an I/O thread of its own, and turns a hang into a failure.</summary>
internal static class RingHost
{
    public const RingFeature AllFeatures = (RingFeature)511;

    public static void Run(Func<IoThread, ValueTask> main, IoThreadOptions? options = null, int timeoutSeconds = 60) =>
        OnOwnThread(() => RunHere(main, options), timeoutSeconds);

    public static void RunHere(Func<IoThread, ValueTask> main, IoThreadOptions? options = null) =>
        IoThread.Run(options ?? new IoThreadOptions(), async thread =>
        {
            await main(thread);
            return 0;
        });

    public static IoThreadOptions With(int entries = 256, RingFeature without = RingFeature.None) =>
        new() { Ring = new RingOptions { Entries = entries, Without = without }, BufferArenaLength = 1 << 20 };

    public static void OnOwnThread(Action body, int timeoutSeconds = 60)
    {
        ExceptionDispatchInfo? failure = null;
        var thread = new Thread(() =>
        {
            try
            {
                body();
            }
            catch (Exception e)
            {
                failure = ExceptionDispatchInfo.Capture(e);
            }
        })
        { IsBackground = true, Name = "test ring" };
        thread.Start();
        Assert.True(thread.Join(TimeSpan.FromSeconds(timeoutSeconds)), $"still running after {timeoutSeconds} s: a hang");
        failure?.Throw();
    }
}
