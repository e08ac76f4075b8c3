using System.Runtime.ExceptionServices;
using BlockUring.Native.Uring;

namespace BlockUring.Jobs;

/// <summary>Work that nobody awaits.</summary>
internal static class DetachedWork
{
    /// <summary>Lets work go on by itself; what it throws is a bug and is thrown on the thread, where nobody catches it.</summary>
    public static void Detach(this Scheduler scheduler, ValueTask work) => _ = WatchAsync(scheduler, work);

    private static async Task WatchAsync(Scheduler scheduler, ValueTask work)
    {
        try
        {
            await work;
        }
#pragma warning disable CA1031 // It is thrown again.
        catch (Exception e)
#pragma warning restore CA1031
        {
            scheduler.Post(() => ExceptionDispatchInfo.Throw(e));
        }
    }
}
