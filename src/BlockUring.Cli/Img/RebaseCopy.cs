using BlockUring.Cli.Output;
using BlockUring.Images;
using BlockUring.Jobs.Rebase;
using BlockUring.Native.Uring;
using BlockUring.Storage;

namespace BlockUring.Cli.Img;

/// <summary>The copying of a safe rebase, with its progress.</summary>
internal static class RebaseCopy
{
    /// <summary>Stores in the overlay what only its old chain shows, durably.</summary>
    /// <exception cref="CommandFailure">A request failed; the image shows what it did.</exception>
    /// <exception cref="OperationCanceledException">The user interrupted it.</exception>
    public static async ValueTask RunAsync(
        FileHost host, RebaseSettings settings, Image overlay, Image? backing, ProgressReport progress, CancellationToken interruption)
    {
        progress.TotalBytes = overlay.Length;
        var done = 0L;
        try
        {
            var common = await CommonLayer.FindAsync(overlay.Backing as Image, backing, host.AreSame);
            var request = new RebaseRequest(overlay, backing, common) { IsCompressed = settings.IsCompressed, Advanced = Show };
            await new ImageRebase(IoThread.Current, request).RunAsync(interruption);
        }
        catch (BlockException e)
        {
            await TryFlushAsync(overlay);
            throw CommandFailure.Because("", e);
        }

        void Show(long bytes)
        {
            done += bytes;
            if (done < overlay.Length)
                progress.MoveTo(100f * done / overlay.Length);
        }
    }

    // What was copied so far is what the image shows anyway.
    private static async ValueTask TryFlushAsync(Image overlay)
    {
        try
        {
            await overlay.FlushAsync();
            await overlay.StoreBitmapsAsync();
        }
        catch (BlockException)
        {
            // The failure that led here is the one to report.
        }
    }
}
