using System.Runtime.CompilerServices;
using BlockUring.Graph;
using BlockUring.Images;
using BlockUring.Native.Uring;
using BlockUring.Storage;

namespace BlockUring.Jobs;

/// <summary>
/// Reads every sector of a disk, holes included, and does nothing with it: shows how fast the disk can be read, that all of it can be read,
/// and how a job is written.
/// </summary>
public sealed class NullJob : BlockJob
{
    /// <summary>The longest request, in bytes.</summary>
    public const int MaxChunkLength = 1 << 20;

    private const int MaxWorkerCount = 16;

    private static readonly TimeSpan MemoryRetry = TimeSpan.FromMilliseconds(10);

    private readonly GuestDisk disk;
    private readonly JobErrorPolicy onError;
    private readonly long length;
    private JobNodes? nodes;
    private long position;
    private bool lacksMemory;

    /// <summary>Makes a job that nobody knows yet: <see cref="JobList.Add"/> is next.</summary>
    /// <param name="scheduler">The thread that owns the disk's I/O.</param>
    /// <param name="settings">What the user wants.</param>
    /// <param name="disk">What to read; stays open until the job has concluded.</param>
    /// <param name="onError">What to do when a read fails.</param>
    public NullJob(Scheduler scheduler, JobSettings settings, GuestDisk disk, JobErrorPolicy onError = JobErrorPolicy.Report)
        : base(scheduler, JobType.Null, settings)
    {
        this.disk = disk;
        this.onError = onError;
        length = disk.Length;
        Progress.SetRemaining(length);
    }

    /// <summary>Makes a job on a node of a graph that is known and not started.</summary>
    /// <param name="graph">Where; the caller holds its change.</param>
    /// <param name="jobs">Where it will be known.</param>
    /// <param name="settings">What the user wants.</param>
    /// <param name="node">What to read.</param>
    /// <param name="onError">What to do when a read fails.</param>
    /// <exception cref="BlockException">Why not; everything is as before.</exception>
    public static NullJob Create(BlockGraph graph, JobList jobs, JobSettings settings, BlockNode node, JobErrorPolicy onError)
    {
        var job = new NullJob(graph.Scheduler, settings, node, onError);
        jobs.Add(job);
        job.nodes = new JobNodes(graph, job);
        try
        {
            // Why resize: it reads up to the length that the disk had at the start.
            job.nodes.Use(node, "main node", ImagePermissions.ConsistentRead, NodeLink.AllPermissions, NodeOperation.Resize);
            return job;
        }
        catch
        {
            job.Discard();
            throw;
        }
    }

    /// <inheritdoc/>
    protected override ValueTask CleanAsync()
    {
        nodes?.Release();
        return ValueTask.CompletedTask;
    }

    /// <inheritdoc/>
    protected override ValueTask RunAsync()
    {
        var chunkCount = (length + MaxChunkLength - 1) / MaxChunkLength;
        return RunWorkersAsync((int)Math.Min(MaxWorkerCount, chunkCount), ReadPartsAsync);
    }

    // One worker: takes the next chunk, reads it, takes the next.
    private async ValueTask ReadPartsAsync(int index)
    {
        while (position < length)
        {
            var offset = position;
            var count = (int)Math.Min(MaxChunkLength, length - offset);
            position += count;
            await WaitForTurnAsync(count);
            await ReadAsync(offset, count);
            if (!lacksMemory)
                continue;
            lacksMemory = false;
            Wake();
        }
    }

    [AsyncMethodBuilder(typeof(PooledTaskBuilder))]
    private async ValueTask ReadAsync(long offset, int count)
    {
        while (true)
        {
            await EnterAsync();
            try
            {
                // Why only now: a job that is slow, or paused, would keep memory from the others.
                using var buffer = TryRent(disk.Buffers, count);
                if (buffer != null)
                {
                    await disk.ReadAsync(offset, buffer.Memory);
                    Progress.Advance(count);
                    return;
                }

                lacksMemory = true;
            }
            catch (BlockException e)
            {
                switch (HandleError(onError, isRead: true, e))
                {
                    case JobErrorAction.Report:
                        throw;
                    case JobErrorAction.Ignore:
                        Progress.Advance(count);
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
}
