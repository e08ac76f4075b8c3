using BlockUring.Native.Codecs;
using BlockUring.Native.Memory;
using BlockUring.Native.Uring;

namespace BlockUring.Images.Qcow2;

/// <summary>Unpacks one cluster, on a worker thread or here; reused with its codec.</summary>
internal sealed class DecompressionJob : WorkItem, IDisposable
{
    private readonly ClusterCodec codec;
    private IoMemory packed;
    private IoMemory cluster;

    /// <summary>Makes a job that owns its codec.</summary>
    public DecompressionJob(ClusterCodec codec) => this.codec = codec;

    /// <summary>Whether the last run filled the whole cluster.</summary>
    public bool IsWhole { get; private set; }

    /// <summary>Says what the next run unpacks; both are borrowed until it has ended.</summary>
    public void Prepare(IoMemory packed, IoMemory cluster)
    {
        this.packed = packed;
        this.cluster = cluster;
        IsWhole = false;
    }

    /// <summary>Runs on the calling thread.</summary>
    public void RunHere() => Execute();

    public void Dispose() => codec.Dispose();

    protected override void Execute() => IsWhole = codec.Decompress(packed.Span, cluster.Span);
}
