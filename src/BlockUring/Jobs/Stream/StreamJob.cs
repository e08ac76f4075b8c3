using System.Runtime.CompilerServices;
using BlockUring.Copy;
using BlockUring.Graph;
using BlockUring.Images;
using BlockUring.Storage;

namespace BlockUring.Jobs.Stream;

/// <summary>
/// Fills a layer with what the layers below it hold, down to a base, and then takes those out of its chain; while guests read and write. A
/// copy-on-read filter keeps what they read meanwhile, too.
/// </summary>
/// <remarks>
/// All copies are <see cref="WriteFlags.Unchanged"/>: the layer takes them only where it holds nothing, so that no write of a guest is undone.
/// </remarks>
public sealed class StreamJob : BlockJob
{
    /// <summary>Requests in flight. Why 16: of 1 MiB each, more did not copy faster anywhere.</summary>
    public const int MaxWorkerCount = 16;

    // Why not the others: whoever reads the node, or copies from it, finds the same as ever. What else these would do is against the job: another
    // content or length of the layers, or another place in the chain.
    private const NodeOperation Blocked = NodeOperation.Stream | NodeOperation.CommitSource | NodeOperation.CommitTarget | NodeOperation.MirrorTarget
        | NodeOperation.BackupTarget | NodeOperation.Resize | NodeOperation.Replace | NodeOperation.Amend | NodeOperation.Delete
        | NodeOperation.InternalSnapshot | NodeOperation.ExternalSnapshot;

    private static readonly TimeSpan MemoryRetry = TimeSpan.FromMilliseconds(10);

    private readonly StreamRequest request;
    private readonly StreamChain chain;
    private readonly StreamGraph graph;
    private readonly StreamPlanner planner;
    private readonly JobNodes nodes;
    private NodeLink? filterUse;
    private BlockException? ignored;
    private bool lacksMemory;

    private StreamJob(BlockGraph blockGraph, StreamRequest request, StreamChain chain, StreamGraph graph)
        : base(blockGraph.Scheduler, JobType.Stream, request.Settings)
    {
        this.request = request;
        this.chain = chain;
        this.graph = graph;
        nodes = new JobNodes(blockGraph, this);
        planner = new StreamPlanner(chain.Overlay, chain.Bottom);
        if (!chain.IsEmpty)
            Progress.SetRemaining(chain.Overlay.Length);
    }

    /// <summary>Makes a job that is known and not started.</summary>
    /// <param name="graph">Where; the caller holds its change.</param>
    /// <param name="jobs">Where it will be known.</param>
    /// <param name="request">What is wanted.</param>
    /// <exception cref="BlockException">Why not; everything is as before.</exception>
    public static async ValueTask<StreamJob> CreateAsync(BlockGraph graph, JobList jobs, StreamRequest request)
    {
        var chain = StreamChain.Of(request);
        StreamDemands.Check(request, chain);
        var changed = await StreamGraph.BeginAsync(graph, request, chain);
        var job = new StreamJob(graph, request, chain, changed);
        var isKnown = false;
        try
        {
            jobs.Add(job);
            isKnown = true;
            job.UseNodes();
            return job;
        }
        catch
        {
            if (isKnown)
                job.Discard();
            await job.ReleaseAsync();
            throw;
        }
    }

    /// <inheritdoc/>
    protected override async ValueTask RunAsync()
    {
        if (chain.IsEmpty)
            return;
        var chunkCount = (chain.Overlay.Length + planner.ChunkLength - 1) / planner.ChunkLength;
        await RunWorkersAsync((int)Math.Min(MaxWorkerCount, chunkCount), _ => CopyPiecesAsync());
        await FlushAsync();

        // Why: what could not be copied has to be seen through the layer still.
        if (ignored != null)
            throw ignored;
    }

    /// <inheritdoc/>
    protected override ValueTask PrepareAsync() => graph.FinishAsync(filterUse!, planner.ShownLength);

    /// <inheritdoc/>
    protected override async ValueTask CleanAsync()
    {
        using var change = await graph.BeginChangeAsync();
        await ReleaseAsync();
    }

    // One worker: takes the next piece, copies it, takes the next.
    private async ValueTask CopyPiecesAsync()
    {
        using var writer = new ChunkWriter(chain.Top, Math.Max(planner.Unit, 4096)) { Flags = WriteFlags.Unchanged, ZeroFlags = WriteFlags.None };
        for (var piece = await TakeNextAsync(); piece.Length > 0; piece = await TakeNextAsync())
        {
            if (piece.Action == CopyAction.Data)
                await WaitForTurnAsync(piece.Length);
            if (piece.Action != CopyAction.Skip)
                await CopyAsync(writer, piece);
            if (!lacksMemory)
                continue;
            lacksMemory = false;
            Wake();
        }
    }

    [AsyncMethodBuilder(typeof(PooledTaskBuilder<>))]
    private async ValueTask<CopyPiece> TakeNextAsync()
    {
        await EnterAsync();
        try
        {
            var piece = await planner.NextAsync();
            if (piece.Action == CopyAction.Skip)
                Progress.Advance(piece.Length);
            return piece;
        }
        finally
        {
            Exit();
        }
    }

    [AsyncMethodBuilder(typeof(PooledTaskBuilder))]
    private async ValueTask CopyAsync(ChunkWriter writer, CopyPiece piece)
    {
        while (true)
        {
            await EnterAsync();
            var isRead = false;
            try
            {
                if (piece.Action == CopyAction.Zero)
                {
                    await writer.ZeroAsync(piece.Offset, piece.Length);
                    Progress.Advance(piece.Length);
                    return;
                }

                using var buffer = TryRent(chain.Top.Buffers, (int)piece.Length);
                lacksMemory |= buffer == null;
                if (buffer != null)
                {
                    isRead = true;
                    await chain.Top.ReadAsync(piece.Offset, buffer.Memory);
                    isRead = false;
                    await writer.WriteAsync(piece.Offset, buffer.Memory);
                    Progress.Advance(piece.Length);
                    return;
                }
            }
            catch (BlockException e)
            {
                switch (HandleError(request.OnError, isRead, e))
                {
                    case JobErrorAction.Report:
                        throw;
                    case JobErrorAction.Ignore:
                        ignored ??= e;
                        Progress.Advance(piece.Length);
                        return;
                }
            }
            finally
            {
                Exit();
            }

            if (lacksMemory)
                await SleepAsync(MemoryRetry);
        }
    }

    private async ValueTask FlushAsync()
    {
        while (true)
        {
            await EnterAsync();
            try
            {
                await chain.Top.FlushAsync();
                return;
            }
            catch (BlockException e)
            {
                switch (HandleError(request.OnError, isRead: false, e))
                {
                    case JobErrorAction.Report:
                        throw;
                    case JobErrorAction.Ignore:
                        ignored ??= e;
                        return;
                }
            }
            finally
            {
                Exit();
            }
        }
    }

    private void UseNodes()
    {
        var filter = graph.Filter;
        filterUse = nodes.Use(
            filter,
            "main node",
            ImagePermissions.ConsistentRead,
            NodeLink.AllPermissions,
            (Blocked | NodeOperation.Reopen) & ~NodeOperation.ExternalSnapshot);

        // Why: a part is read once, so the layers below must stay as they are; and the length is asked for once.
        const ImagePermissions unchanging = ImagePermissions.ConsistentRead | ImagePermissions.WriteUnchanged;
        foreach (var node in chain.Upper)
            nodes.Use(node, "active node", ImagePermissions.None, unchanging | ImagePermissions.Write, Blocked);
        foreach (var node in chain.Lower)
            nodes.Use(node, "intermediate node", ImagePermissions.None, unchanging, Blocked);
    }

    private async ValueTask ReleaseAsync()
    {
        nodes.Release();
        await graph.EndAsync();
    }
}
