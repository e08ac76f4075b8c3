using BlockUring.Native.Codecs;
using BlockUring.Native.Uring;
using BlockUring.Storage;

namespace BlockUring.Copy;

/// <summary>
/// Copies a guest disk: walks the source's map once, keeps many requests in flight in any order, detects zeroes, never copies holes.
/// </summary>
/// <remarks>Runs on one <see cref="IoThread"/>. Does not flush: whoever asked for the copy decides on durability.</remarks>
public sealed class BlockCopy
{
    private readonly CopySettings settings;
    private readonly IoThread thread;
    private readonly CopyPlanner planner;

    /// <summary>Prepares a copy.</summary>
    public BlockCopy(IoThread thread, CopySettings settings)
    {
        this.thread = thread;
        this.settings = settings;
        planner = new CopyPlanner(settings);
        Progress.Total = settings.Source.Length;
        if (settings.Target.Length < settings.Source.Length)
            throw new ArgumentException("The target is smaller than the source.", nameof(settings));
    }

    /// <summary>How far the copy is.</summary>
    public CopyProgress Progress { get; } = new();

    /// <summary>Copies everything, or throws the first failure after all requests have ended.</summary>
    /// <param name="cancellation">Stops the copy between requests.</param>
    /// <exception cref="BlockException">Reading or writing failed.</exception>
    /// <exception cref="OperationCanceledException">It was cancelled; the target holds a part.</exception>
    public async ValueTask RunAsync(CancellationToken cancellation)
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        using var codecs = settings.Compression is { } type ? new CodecPool(type, settings.CompressionLevel) : null;
        var workers = new CopyWorker[settings.WorkerCount];
        var running = new Task[settings.WorkerCount];
        for (var i = 0; i < workers.Length; i++)
            workers[i] = new CopyWorker(thread, settings, planner, Progress, codecs);
        try
        {
            for (var i = 0; i < workers.Length; i++)
                running[i] = RunWorkerAsync(workers[i], stop);
            await WaitForAllAsync(running);
        }
        finally
        {
            foreach (var worker in workers)
                worker.Dispose();
        }

        cancellation.ThrowIfCancellationRequested();
    }

    private static async Task RunWorkerAsync(CopyWorker worker, CancellationTokenSource stop)
    {
        try
        {
            await worker.RunAsync(stop.Token);
        }
        catch (Exception)
        {
            Stop(stop);
            throw;
        }
    }

    // Why: not CancelAsync, which may end on another thread.
    private static void Stop(CancellationTokenSource stop) => stop.Cancel();

    private static async ValueTask WaitForAllAsync(Task[] running)
    {
        Exception? first = null;
        foreach (var task in running)
        {
            try
            {
                await task;
            }
#pragma warning disable CA1031 // The first failure is thrown again when all have ended: their buffers are in use until then.
            catch (Exception e)
#pragma warning restore CA1031
            {
                first ??= e;
            }
        }

        if (first != null)
            System.Runtime.ExceptionServices.ExceptionDispatchInfo.Throw(first);
    }
}
