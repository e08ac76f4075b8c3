using BlockUring.Native.Codecs;
using BlockUring.Native.Memory;
using BlockUring.Native.Uring;

namespace BlockUring.Images.Qcow2;

/// <summary>Unpacks one cluster, on a worker thread or here; reused.</summary>
internal sealed class DecompressionJob : WorkItem
{
    private readonly CodecPool codecs;
    private IoMemory packed;
    private IoMemory cluster;

    /// <summary>Makes a job that borrows a codec for each run.</summary>
    public DecompressionJob(CodecPool codecs) => this.codecs = codecs;

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

    protected override void Execute() => IsWhole = codecs.Decompress(packed.Span, cluster.Span);
}
