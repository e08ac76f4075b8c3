using BlockUring.Cli.Output;
using BlockUring.Copy;
using BlockUring.Native.Uring;
using BlockUring.Storage;

namespace BlockUring.Cli.Img;

/// <summary>Turns a prepared conversion into a copy, runs it and shows how far it is.</summary>
internal static class ConvertCopy
{
    private const int ProgressIntervalMs = 50;

    /// <summary>Copies, and flushes the target.</summary>
    /// <exception cref="CommandFailure">A read or a write failed.</exception>
    public static async ValueTask RunAsync(ConvertWork work, ProgressReport progress)
    {
        var thread = IoThread.Current;
        var copy = new BlockCopy(thread, SettingsOf(work));
        progress.TotalBytes = copy.Progress.Total;
        try
        {
            using var showing = new CancellationTokenSource();
            _ = ShowAsync(thread, copy.Progress, progress, showing.Token);
            await copy.RunAsync(CancellationToken.None);
            await showing.CancelAsync();
            await work.Target.FlushAsync();
        }
        catch (BlockException e)
        {
            throw CommandFailure.Because("", e);
        }
    }

    // Ends some time after the copy has, on its own: nobody waits for the last delay.
    private static async Task ShowAsync(IoThread thread, CopyProgress copied, ProgressReport progress, CancellationToken stop)
    {
        while (!stop.IsCancellationRequested)
        {
            progress.MoveTo(Percent(copied));
            await thread.DelayAsync(TimeSpan.FromMilliseconds(ProgressIntervalMs));
        }
    }

    private static CopySettings SettingsOf(ConvertWork work)
    {
        var request = work.Request;
        return new CopySettings(new CopySource(work.Sources.Images), work.Target)
        {
            WorkerCount = request.Parallel,
            SparseLength = request.SparseBytes,
            TargetIsZero = request.TargetIsZero || (work.Preparation.IsNew && !work.Preparation.HasBacking),
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

    private static float Percent(CopyProgress progress) => progress.Total == 0 ? 0 : (float)progress.Done / progress.Total * 100;
}
