using System.Runtime.CompilerServices;
using BlockUring.Native.Codecs;
using BlockUring.Native.Interop;
using BlockUring.Native.Memory;
using BlockUring.Native.Uring;
using BlockUring.Storage;

namespace BlockUring.Copy;

/// <summary>One of the loops of a <see cref="BlockCopy"/>: takes a piece, deals with it, takes the next. Owns one buffer.</summary>
internal sealed class CopyWorker : IDisposable
{
    private const int SalvageLength = 512;

    private static readonly TimeSpan MaxDelay = TimeSpan.FromMilliseconds(50);

    private readonly Scheduler thread;
    private readonly CopySettings settings;
    private readonly CopyPlanner planner;
    private readonly CopyProgress progress;
    private readonly ChunkWriter writer;
    private IoBuffer? buffer;
    private CancellationToken stop;

    public CopyWorker(Scheduler thread, CopySettings settings, CopyPlanner planner, CopyProgress progress, CodecPool? codecs)
    {
        this.thread = thread;
        this.settings = settings;
        this.planner = planner;
        this.progress = progress;
        writer = new ChunkWriter(settings.Target, Granularity(settings))
        {
            Compressor = codecs == null ? null : new ClusterCompressor(thread, settings.Target, codecs),
            MustStoreZeroes = MustStoreZeroes,
        };
    }

    public async Task RunAsync(CancellationToken stop)
    {
        this.stop = stop;
        while (!stop.IsCancellationRequested)
        {
            var piece = await planner.NextAsync();
            if (piece.Length == 0)
                return;
            switch (piece.Action)
            {
                case CopyAction.Data:
                    await CopyAsync(piece);
                    break;
                case CopyAction.Zero:
                    await ZeroAsync(piece.Offset, piece.Length);
                    progress.Add(piece.Length, 0, piece.Length);
                    break;
                default:
                    progress.Add(piece.Length, 0, 0);
                    break;
            }
        }
    }

    public void Dispose()
    {
        buffer?.Dispose();
        buffer = null;
        writer.Dispose();
    }

    // Zero runs are left out where they are at least SparseLength long. A target with clusters holds whole subclusters anyway, so
    // splitting finer than that saves nothing; above 64 KiB it does, on the host.
    private static int Granularity(CopySettings settings)
    {
        const int maxUseful = 64 << 10;
        if (settings.SparseLength == 0)
            return 0;
        var wanted = (int)System.Numerics.BitOperations.RoundUpToPowerOf2((uint)settings.SparseLength);
        wanted = Math.Max(wanted, Math.Min(maxUseful, settings.Target.Format.AllocationGranularity));
        return Math.Min(wanted, settings.ChunkLength);
    }

    [AsyncMethodBuilder(typeof(PooledTaskBuilder))]
    private async ValueTask CopyAsync(CopyPiece piece)
    {
        if (settings.Limit is { } limit)
            await WaitForTurnAsync(limit, piece.Length);
        if (stop.IsCancellationRequested)
            return;
        if (settings.CopyOffload && piece.HostOffset >= 0 && await TryOffloadAsync(piece))
        {
            progress.Add(piece.Length, piece.Length, 0);
            return;
        }

        buffer ??= thread.Buffers.Rent(settings.ChunkLength);
        var length = (int)piece.Length;
        var memory = buffer.Memory.Slice(0, length);
        try
        {
            await settings.Source.ReadAsync(piece.Offset, memory);
        }
        catch (BlockException e)
        {
            if (!settings.Salvage)
                throw Explain(e, "reading", piece.Offset);
            await SalvageAsync(piece.Offset, memory);
        }

        var data = await WriteAsync(piece.Offset, memory);
        progress.Add(length, data, length - data);
    }

    [AsyncMethodBuilder(typeof(PooledTaskBuilder<>))]
    private async ValueTask<int> WriteAsync(long offset, IoMemory memory)
    {
        try
        {
            return await writer.WriteAsync(offset, memory);
        }
        catch (BlockException e)
        {
            throw Explain(e, "writing", offset);
        }
    }

    [AsyncMethodBuilder(typeof(PooledTaskBuilder))]
    private async ValueTask ZeroAsync(long offset, long length)
    {
        try
        {
            await writer.ZeroAsync(offset, length);
        }
        catch (BlockException e)
        {
            throw Explain(e, "writing", offset);
        }
    }

    // A target with a backing file must hide it.
    private bool MustStoreZeroes(long offset) =>
        !settings.TargetIsZero || (settings.TargetHasBacking && offset < settings.TargetBackingLength);

    [AsyncMethodBuilder(typeof(PooledTaskBuilder<>))]
    private async ValueTask<bool> TryOffloadAsync(CopyPiece piece)
    {
        if (!settings.Target.Format.TryMapForOverwrite(piece.Offset, piece.Length, out var file, out var hostOffset))
            return false;
        try
        {
            return await file.TryCopyRangeAsync(piece.File!, piece.HostOffset, hostOffset, piece.Length);
        }
        catch (BlockException e)
        {
            throw Explain(e, "writing", piece.Offset);
        }
    }

    private async ValueTask WaitForTurnAsync(RateLimit limit, long length)
    {
        var wait = limit.Reserve(length, out var ticket);
        while (wait > TimeSpan.Zero && !stop.IsCancellationRequested)
        {
            // Why: who interrupts a slow copy does not wait for all that is owed.
            await thread.DelayAsync(wait < MaxDelay ? wait : MaxDelay);
            wait = limit.Remaining(ticket);
        }
    }

    private async ValueTask SalvageAsync(long offset, IoMemory memory)
    {
        for (var done = 0; done < memory.Length; done += SalvageLength)
        {
            var sector = memory.Slice(done, Math.Min(SalvageLength, memory.Length - done));
            try
            {
                await settings.Source.ReadAsync(offset + done, sector);
            }
            catch (BlockException e)
            {
                settings.Warn($"error while reading offset {offset + done}: {Reason(e)}");
                sector.Span.Clear();
            }
        }
    }

    private static BlockException Explain(BlockException e, string doing, long offset) =>
        new(e.Kind, $"error while {doing} at byte {offset}: {Reason(e)}", e.ErrorNumber, e) { Path = e.Path, Offset = e.Offset };

    private static string Reason(BlockException e) => e.ErrorNumber != 0 ? Errno.Message(e.ErrorNumber) : e.Message;
}
