using BlockUring.Images;
using BlockUring.Jobs;
using BlockUring.Native.Uring;
using BlockUring.Storage;

namespace BlockUring.Simulation.Jobs;

/// <summary>A job in the manner of a mirror: reads some of a disk, is ready, and goes on reading until it is completed or softly cancelled.</summary>
internal sealed class FollowingJob(Scheduler scheduler, JobSettings settings, GuestDisk disk, JobErrorPolicy onError)
    : BlockJob(scheduler, JobType.Mirror, settings)
{
    private bool isCompleteRequested;

    protected override bool CanComplete => true;

    protected override bool CancelsSoftly => IsReady;

    protected override async ValueTask RunAsync()
    {
        await RunWorkersAsync(3, ReadAsync);
        await ReadyAsync();
        while (!isCompleteRequested && !IsCancelRequested)
        {
            await SleepAsync(TimeSpan.FromMilliseconds(100));
            await ReadAsync(0);
        }
    }

    protected override ValueTask OnCompleteAsync()
    {
        isCompleteRequested = true;
        return ValueTask.CompletedTask;
    }

    private async ValueTask ReadAsync(int index)
    {
        using var buffer = disk.Buffers.Rent(4096);
        while (true)
        {
            await WaitForTurnAsync(4096);
            await EnterAsync();
            try
            {
                await disk.ReadAsync(index * 4096, buffer.Memory);
                Progress.Advance(4096);
                return;
            }
            catch (BlockException e)
            {
                var action = HandleError(onError, isRead: true, e);
                if (action == JobErrorAction.Report)
                    throw;
                if (action == JobErrorAction.Ignore)
                    return;
            }
            finally
            {
                Exit();
            }
        }
    }
}
