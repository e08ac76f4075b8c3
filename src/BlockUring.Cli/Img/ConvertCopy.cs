using BlockUring.Cli.Output;
using BlockUring.Copy;
using BlockUring.Native.Uring;
using BlockUring.Storage;

namespace BlockUring.Cli.Img;

/// <summary>Turns a prepared conversion into a copy, runs it and shows how far it is.</summary>
internal static class ConvertCopy
{
    private const int ProgressIntervalMs = 50;
    private const int DefaultChunkLength = 1 << 20;

    /// <summary>Copies, and flushes the target.</summary>
    /// <param name="work">What is copied, and how.</param>
    /// <param name="progress">Told how far it is.</param>
    /// <param name="interruption">Stops the copy between two requests.</param>
    /// <exception cref="CommandFailure">A read or a write failed.</exception>
    /// <exception cref="OperationCanceledException">The user interrupted it.</exception>
    public static async ValueTask RunAsync(ConvertWork work, ProgressReport progress, CancellationToken interruption)
    {
        var thread = IoThread.Current;
        var copy = new BlockCopy(thread, SettingsOf(work));
        progress.TotalBytes = copy.Progress.Total;
        using var showing = new CancellationTokenSource();
        try
        {
            if (work.Preparation.IsNew)
                await work.Target.Format.BeginFillAsync();
            _ = ShowAsync(thread, copy.Progress, progress, showing.Token);
            await copy.RunAsync(interruption);
            await work.Target.FlushAsync();
            if (work.Request.CopiesBitmaps)
                await ConvertBitmaps.CopyAsync(work);
            await work.Target.StoreBitmapsAsync();
        }
        catch (BlockException e)
        {
            throw CommandFailure.Because("", e);
        }
        finally
        {
            Stop(showing);
        }

        // Why: qemu-img shows the end of the copying, where there was any, and then the end of everything.
        if (copy.Progress.DataBytes > 0)
            progress.MoveTo(100);
    }

    // Why: not CancelAsync, which may end on another thread than the one that owns the images.
    private static void Stop(CancellationTokenSource source) => source.Cancel();

    // Ends some time after the copy has, on its own: nobody waits for the last delay.
    private static async Task ShowAsync(IoThread thread, CopyProgress copied, ProgressReport progress, CancellationToken stop)
    {
        while (!stop.IsCancellationRequested)
        {
            await thread.DelayAsync(TimeSpan.FromMilliseconds(ProgressIntervalMs));
            if (!stop.IsCancellationRequested)
                progress.MoveTo(Percent(copied));
        }
    }

    private static CopySettings SettingsOf(ConvertWork work)
    {
        var request = work.Request;
        return new CopySettings(new CopySource(work.Sources.Images), work.Target)
        {
            ChunkLength = Math.Max(DefaultChunkLength, work.Target.Format.ClusterLength),
            WorkerCount = request.Parallel,
            SparseLength = request.SparseBytes,
            TargetIsZero = request.TargetIsZero || IsNewAndZero(work),
            TargetHasBacking = work.Preparation.HasBacking,
            TargetBackingLength = work.Target.Backing?.Length ?? 0,
            Compression = request.IsCompressed ? work.Target.Format.Compression : null,
            CompressionLevel = work.Preparation.CompressionLevel,
            CopyOffload = request.UsesCopyOffload,
            Salvage = request.IsSalvage,
            Limit = request.RateLimit > 0 ? new RateLimit(work.Context.Time, request.RateLimit) : null,
            Warn = work.Context.Warn,
        };
    }

    private static bool IsNewAndZero(ConvertWork work) => work.Preparation.IsNew && work.Target.Format.IsZeroWhenNew;

    private static float Percent(CopyProgress progress) => progress.Total == 0 ? 0 : (float)progress.Done / progress.Total * 100;
}
