using BlockUring.Native.Codecs;
using BlockUring.Native.Uring;
using BlockUring.Storage;

namespace BlockUring.Jobs.Rebase;

/// <summary>
/// Prepares an image for another backing file: stores in it what the old chain shows and the new one does not, so that it shows the same above
/// either. Many requests are in flight; what both chains have is not read.
/// </summary>
/// <remarks>
/// All copies are <see cref="Images.WriteFlags.Unchanged"/>: at any instant the image is right above its old chain, however this ends. The name in
/// its header is the caller's to change, when this has succeeded.
/// </remarks>
public sealed class ImageRebase
{
    private const int MaxWorkerCount = 16;

    // Why: two buffers for each worker, however long the clusters are.
    private const long MaxBufferedBytes = 64 << 20;

    private readonly Scheduler scheduler;
    private readonly RebaseRequest request;
    private readonly RebasePlanner planner;
    private readonly RebaseSide before;
    private readonly RebaseSide after;

    /// <summary>Prepares it.</summary>
    /// <param name="scheduler">The thread of all images.</param>
    /// <param name="request">Which.</param>
    public ImageRebase(Scheduler scheduler, RebaseRequest request)
    {
        this.scheduler = scheduler;
        this.request = request;
        before = new RebaseSide(request.Overlay.Backing, request.Common?.InOld);
        after = new RebaseSide(request.NewBacking, request.Common?.InNew);
        planner = new RebasePlanner(request.Overlay, before, after, wholeClusters: request.IsCompressed);
    }

    /// <summary>Copies what is needed, and makes it durable.</summary>
    /// <param name="cancellation">Stops it between two requests.</param>
    /// <exception cref="BlockException">Why not, in QEMU's words and with the reason.</exception>
    /// <exception cref="OperationCanceledException">It was stopped.</exception>
    public async ValueTask RunAsync(CancellationToken cancellation)
    {
        using var codecs = request.IsCompressed ? new CodecPool(request.Overlay.Format.Compression!.Value) : null;
        var crew = new JobCrew(scheduler);
        crew.EndPause();
        var count = (int)Math.Clamp(MaxBufferedBytes / (2L * planner.ChunkLength), 1, MaxWorkerCount);
        await crew.RunAsync(count, _ => WorkAsync(crew, codecs, cancellation));
        try
        {
            await request.Overlay.FlushAsync();
        }
        catch (BlockException e)
        {
            throw RebaseWorker.Explain("Error while writing to COW image", e);
        }
    }

    private async ValueTask WorkAsync(JobCrew crew, CodecPool? codecs, CancellationToken cancellation)
    {
        using var worker = new RebaseWorker(scheduler, request.Overlay, before, after, planner.Unit, codecs);
        while (true)
        {
            crew.ThrowIfStopped();
            cancellation.ThrowIfCancellationRequested();
            var piece = await NextAsync();
            if (piece.Length == 0)
                return;
            await worker.RunAsync(piece);
            request.Advanced(piece.Length);
        }
    }

    private async ValueTask<RebasePiece> NextAsync()
    {
        try
        {
            return await planner.NextAsync();
        }
        catch (BlockException e)
        {
            throw RebaseWorker.Explain("error while reading image metadata", e);
        }
    }
}
