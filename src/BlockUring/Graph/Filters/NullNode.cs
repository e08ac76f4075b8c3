using BlockUring.Images;
using BlockUring.Native.Memory;
using BlockUring.Native.Uring;
using BlockUring.Storage;

namespace BlockUring.Graph.Filters;

/// <summary>A disk that forgets everything ("null-co", "null-aio"): for measurements, and for tests of slow devices.</summary>
internal sealed class NullNode : BlockNode
{
    /// <summary>The length when none is given, as in QEMU.</summary>
    public const long DefaultLength = 1L << 30;

    private readonly Scheduler scheduler;
    private readonly TimeSpan latency;
    private readonly bool readZeroes;

    public NullNode(string name, string driverName, NodeSettings settings, Scheduler scheduler, NullOptions options)
        : base(name, driverName, settings)
    {
        this.scheduler = scheduler;
        Length = (options.Length + 511) & ~511L;
        latency = TimeSpan.FromMicroseconds(options.LatencyNs / 1000.0);
        readZeroes = options.ReadZeroes;
        FileName = options.FileName;
    }

    public override long Length { get; }

    public override BufferPool Buffers => scheduler.Buffers;

    public override string FileName { get; }

    public override ValueTask ReadAsync(long offset, IoMemory destination)
    {
        if (readZeroes)
            destination.Span.Clear();
        return WaitAsync();
    }

    public override ValueTask FlushAsync() => WaitAsync();

    public override ValueTask<BlockStatus> GetLayerStatusAsync(long offset, long maxLength, bool wantZero = true) =>
        new(new BlockStatus(Math.Min(maxLength, Length - offset), !readZeroes, readZeroes, true));

    public override ValueTask ResizeAsync(long length, PreallocationMode preallocation) =>
        throw new BlockException(BlockErrorKind.Unsupported, "Image format driver does not support resize");

    protected override ValueTask WriteCoreAsync(long offset, IoMemory source, WriteFlags flags) => WaitAsync();

    protected override ValueTask WriteZeroesCoreAsync(long offset, long length, WriteFlags flags) => WaitAsync();

    protected override ValueTask DiscardCoreAsync(long offset, long length) => WaitAsync();

    protected override ValueTask WriteCompressedCoreAsync(long offset, IoMemory compressed) => WaitAsync();

    private ValueTask WaitAsync() => latency > TimeSpan.Zero ? scheduler.DelayAsync(latency) : ValueTask.CompletedTask;
}
