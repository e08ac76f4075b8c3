using System.Runtime.CompilerServices;
using BlockUring.Images;
using BlockUring.Native.Codecs;
using BlockUring.Native.Memory;
using BlockUring.Native.Uring;
using BlockUring.Storage;

namespace BlockUring.Copy;

/// <summary>
/// Compresses the clusters of one chunk on the worker threads, all at the same time, and writes them in guest order. One for each
/// <see cref="ChunkWriter"/>.
/// </summary>
internal sealed class ClusterCompressor : IDisposable
{
    private readonly Scheduler thread;
    private readonly GuestDisk target;
    private readonly CodecPool codecs;
    private readonly int clusterLength;
    private readonly List<Job> jobs = [];
    private ValueTask[] pending = [];

    public ClusterCompressor(Scheduler thread, GuestDisk target, CodecPool codecs)
    {
        this.thread = thread;
        this.target = target;
        this.codecs = codecs;
        clusterLength = target.ClusterLength;
    }

    /// <summary>Writes a chunk that starts on a cluster.</summary>
    /// <param name="offset">Guest offset.</param>
    /// <param name="memory">The chunk; only the image's last cluster may be short, and then its buffer has room for the whole of it.</param>
    /// <param name="zeroFlags">What is said when clusters of zeroes are written, as zero clusters; null when they are left out.</param>
    /// <returns>Bytes of clusters that were not all zeroes.</returns>
    [AsyncMethodBuilder(typeof(PooledTaskBuilder<>))]
    public async ValueTask<int> WriteAsync(long offset, IoMemory memory, WriteFlags? zeroFlags)
    {
        var count = (memory.Length + clusterLength - 1) / clusterLength;
        Start(memory, count);
        await FinishAsync(count);

        var data = 0;
        for (var i = 0; i < count; i++)
        {
            var job = jobs[i];
            var cluster = Cluster(memory, i);
            var at = offset + ((long)i * clusterLength);
            if (job.IsZero)
            {
                if (zeroFlags is { } flags)
                    await target.WriteZeroesAsync(at, cluster.Length, flags);
                continue;
            }

            // Why: a compressed cluster is whole; what follows inside one that the copy does not reach the end of must stay as it is.
            data += cluster.Length;
            if (job.CompressedLength < 0 || (cluster.Length < clusterLength && at + cluster.Length < target.Length))
                await target.WriteAsync(at, cluster);
            else
                await target.WriteCompressedAsync(at, job.Output.Memory.Slice(0, job.CompressedLength));
        }

        return data;
    }

    public void Dispose()
    {
        foreach (var job in jobs)
            job.Dispose();
        jobs.Clear();
    }

    private void Start(IoMemory memory, int count)
    {
        if (pending.Length < count)
            Array.Resize(ref pending, count);
        while (jobs.Count < count)
            jobs.Add(new Job(codecs, thread.Buffers.Rent(clusterLength)));
        for (var i = 0; i < count; i++)
        {
            var job = jobs[i];
            job.Input = PaddedCluster(memory, i);
#pragma warning disable CA2012 // Each is awaited once, in WriteAsync.
            pending[i] = thread.OffloadAsync(job);
#pragma warning restore CA2012
        }
    }

    // Waits for all, the failed ones' companions too: their buffers are in use until then.
    [AsyncMethodBuilder(typeof(PooledTaskBuilder))]
    private async ValueTask FinishAsync(int count)
    {
        Exception? failure = null;
        for (var i = 0; i < count; i++)
        {
            try
            {
                await pending[i];
            }
#pragma warning disable CA1031 // Thrown again when all have ended.
            catch (Exception e)
#pragma warning restore CA1031
            {
                failure ??= e;
            }
        }

        if (failure != null)
            System.Runtime.ExceptionServices.ExceptionDispatchInfo.Throw(failure);
    }

    private IoMemory Cluster(IoMemory memory, int index)
    {
        var start = index * clusterLength;
        return memory.Slice(start, Math.Min(clusterLength, memory.Length - start));
    }

    // The format holds whole clusters: where the guest disk ends inside one, the rest is zeroes.
    private IoMemory PaddedCluster(IoMemory memory, int index)
    {
        var cluster = Cluster(memory, index);
        if (cluster.Length == clusterLength)
            return cluster;
        var padded = memory.Buffer.Memory.Slice(cluster.Offset, clusterLength);
        padded.Span[cluster.Length..].Clear();
        return padded;
    }

    private sealed class Job(CodecPool codecs, IoBuffer output) : WorkItem, IDisposable
    {
        public IoMemory Input { get; set; }

        public IoBuffer Output => output;

        public int CompressedLength { get; private set; }

        public bool IsZero { get; private set; }

        public void Dispose() => output.Dispose();

        protected override void Execute()
        {
            var input = Input.Span;
            IsZero = ZeroDetector.IsZero(input);
            if (!IsZero)
                CompressedLength = codecs.Compress(input, output.Span[..^1]);
        }
    }
}
