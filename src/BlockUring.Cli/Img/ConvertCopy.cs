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
        using var interruption = new Interruption();
        using var showing = new CancellationTokenSource();
        _ = ShowAsync(thread, copy.Progress, progress, showing.Token);
        try
        {
            await copy.RunAsync(interruption.Token);
            await work.Target.FlushAsync();
        }
        catch (BlockException e)
        {
            throw CommandFailure.Because("", e);
        }
        catch (OperationCanceledException)
        {
            // Why: a part of an image would look like a whole one.
            if (work.Preparation.CreatedPath is { } path)
                NewFile.Remove(path);
            throw new CommandFailure("", interruption.ExitCode);
        }
        finally
        {
            await showing.CancelAsync();
        }

        if (copy.Progress.DataBytes > 0)
            progress.MoveTo(100);
    }

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
