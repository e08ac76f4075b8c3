using System.Runtime.CompilerServices;
using BlockUring.Native.Interop;
using BlockUring.Native.Memory;
using BlockUring.Native.Uring;
using BlockUring.Nbd.Wire;
using BlockUring.Storage;

namespace BlockUring.Nbd.Client;

/// <summary>An export of an NBD server as a file.</summary>
public sealed class NbdFile : BlockFile
{
    // Why: a server that is lost by the same request again and again is not asked for ever.
    private const int MaxAttempts = 16;

    // What a server does in one go, so that it stays responsive; lengths of 64 bits are there for this.
    private const long MaxExtendedRange = 1L << 40;
    private const long MaxRange = 1L << 31;
    private const int ZeroBufferBytes = 1 << 20;

    private readonly Scheduler scheduler;
    private readonly NbdClientSettings settings;
    private readonly NbdConnections connections;
    private readonly CacheMode cache;
    private readonly RangeLock locks = new();
    private readonly int alignment;
    private readonly long maxRange;

    private NbdFile(Scheduler scheduler, NbdClientSettings settings, NbdConnections connections, FileOpenOptions how)
    {
        this.scheduler = scheduler;
        this.settings = settings;
        this.connections = connections;
        cache = how.CacheInForce;
        IsReadOnly = how.ReadOnly;
        Path = NbdNames.Format(settings.Address, settings.Export);
        alignment = AlignmentOf(Export);
        var longest = Math.Min(Export.Sizes?.Maximum ?? NbdLimits.MaxPayloadBytes, NbdLimits.MaxPayloadBytes);
        Limits = new BlockLimits(alignment, 1, (int)longest & -alignment, alignment, alignment);
        maxRange = Export.Style == NbdReplyStyle.Extended ? MaxExtendedRange : MaxRange;
    }

    /// <inheritdoc/>
    public override string Path { get; }

    /// <inheritdoc/>
    public override long Length => Export.Length;

    /// <inheritdoc/>
    public override bool IsReadOnly { get; }

    /// <inheritdoc/>
    public override BlockLimits Limits { get; }

    /// <inheritdoc/>
    public override BufferPool Buffers => scheduler.Buffers;

    /// <inheritdoc/>
    public override bool CanGrow => false;

    /// <inheritdoc/>
    public override bool DependsOnPeer => true;

    /// <inheritdoc/>
    public override string FixedLengthReason => "Cannot resize NBD nodes";

    /// <summary>What was agreed with the server.</summary>
    public NbdExport Export => connections.Export;

    /// <summary>Connections that serve requests now.</summary>
    public int ConnectionCount => connections.LiveCount;

    /// <summary>Connects and opens an export.</summary>
    /// <param name="scheduler">The thread of all I/O.</param>
    /// <param name="settings">Which export.</param>
    /// <param name="dialer">Makes the connections.</param>
    /// <param name="how">How it is opened.</param>
    /// <exception cref="BlockException">Why not, in QEMU's words.</exception>
    public static async ValueTask<NbdFile> OpenAsync(Scheduler scheduler, NbdClientSettings settings, NbdDialer dialer, FileOpenOptions how)
    {
        var connections = new NbdConnections(scheduler, settings, dialer);
        await connections.OpenAsync();
        if (how.ReadOnly || !connections.Export.Can(NbdTransmissionFlags.ReadOnly))
            return new NbdFile(scheduler, settings, connections, how);
        await connections.CloseAsync();
        throw new BlockException(BlockErrorKind.Access, $"Could not open image: {Errno.Message(Errno.EACCES)}", Errno.EACCES);
    }

    /// <inheritdoc/>
    public override ValueTask ReadAsync(long offset, IoMemory destination) => IsPlain(offset, destination.Length)
        ? RunAsync(NbdCommand.Read, NbdCommandFlags.None, offset, destination.Length, destination)
        : ReadPiecesAsync(offset, destination);

    /// <inheritdoc/>
    public override ValueTask WriteAsync(long offset, IoMemory source)
    {
        DemandWritable(offset, source.Length);
        return IsPlain(offset, source.Length) ? WriteWholeAsync(offset, source) : WritePiecesAsync(offset, source);
    }

    /// <inheritdoc/>
    [AsyncMethodBuilder(typeof(PooledTaskBuilder))]
    public override async ValueTask WriteZeroesAsync(long offset, long length, bool mayUnmap)
    {
        DemandWritable(offset, length);
        var end = Math.Min(offset + length, Length);
        var (start, stop) = (RoundUp(offset), RoundDown(end));
        if (!Export.Can(NbdTransmissionFlags.SendWriteZeroes) || start >= stop)
        {
            await WriteZeroBytesAsync(offset, end);
            return;
        }

        if (offset < start)
            await WriteZeroBytesAsync(offset, start);
        var flags = (mayUnmap ? NbdCommandFlags.None : NbdCommandFlags.NoHole) | DurableFlag;
        for (var at = start; at < stop; at += Math.Min(maxRange, stop - at))
            await RunAsync(NbdCommand.WriteZeroes, flags, at, Math.Min(maxRange, stop - at), default);
        if (IsDurableByFlush)
            await FlushNowAsync();
        if (stop < end)
            await WriteZeroBytesAsync(stop, end);
    }

    /// <inheritdoc/>
    [AsyncMethodBuilder(typeof(PooledTaskBuilder))]
    public override async ValueTask DiscardAsync(long offset, long length)
    {
        DemandWritable(offset, 0);
        var stop = RoundDown(Math.Min(offset + length, Length));
        if (!Export.Can(NbdTransmissionFlags.SendTrim))
            return;
        for (var at = RoundUp(offset); at < stop; at += Math.Min(maxRange, stop - at))
            await RunAsync(NbdCommand.Trim, NbdCommandFlags.None, at, Math.Min(maxRange, stop - at), default);
    }

    /// <inheritdoc/>
    public override ValueTask FlushAsync() => cache.NoFlush || IsReadOnly ? ValueTask.CompletedTask : FlushNowAsync();

    /// <inheritdoc/>
    public override ValueTask SetLengthAsync(long length, PreallocationMode preallocation = PreallocationMode.Off)
    {
        if (length > Length)
            throw new BlockException(BlockErrorKind.Invalid, "Cannot grow NBD nodes", Errno.EINVAL) { Path = Path };
        return ValueTask.CompletedTask;
    }

    /// <inheritdoc/>
    [AsyncMethodBuilder(typeof(PooledTaskBuilder<>))]
    public override async ValueTask<FileExtent> GetExtentAsync(long offset, long maxLength)
    {
        if (offset >= Length)
            return new(maxLength, true);
        var length = Math.Min(maxLength, Length - offset);
        if (Export.ContextId == null)
            return new(length, false);
        var start = RoundDown(offset);
        var asked = Math.Min(RoundUp(offset + length) - start, maxRange);
        var extent = await AskAsync(start, asked);
        var found = (long)Math.Min(extent.Length, (ulong)asked);
        var isZero = (extent.Flags & NbdContexts.Zero) != 0;
        if (found % alignment != 0)
        {
            // Only the first bytes of a block: the whole block is taken for data.
            isZero &= found > alignment;
            found = Math.Max(found & -(long)alignment, alignment);
        }

        var isHole = (extent.Flags & NbdContexts.Hole) != 0;
        return new FileExtent(Math.Min(found - (offset - start), length), isZero)
        {
            IsUnallocated = isHole && !isZero && settings.DirtyBitmap != null,
            IsAllocatedZero = isZero && !isHole,
        };
    }

    /// <inheritdoc/>
    public override void CancelInFlight() => connections.CancelInFlight();

    /// <inheritdoc/>
    protected override ValueTask CloseAsync() => connections.CloseAsync();

    private NbdCommandFlags DurableFlag => cache.WriteThrough && !cache.NoFlush && Export.Can(NbdTransmissionFlags.SendForceUnitAccess)
        ? NbdCommandFlags.ForceUnitAccess
        : NbdCommandFlags.None;

    private bool IsDurableByFlush => cache.WriteThrough && !cache.NoFlush && !Export.Can(NbdTransmissionFlags.SendForceUnitAccess);

    // What QEMU takes for the alignment where a server says nothing.
    private static int AlignmentOf(NbdExport export) => export.Sizes is { } sizes ? (int)Math.Min(sizes.Minimum, 1 << 20)
        : export.Length % 512 != 0 || export.ContextId != null ? 1 : 512;

    private bool IsPlain(long offset, int length) =>
        ((offset | (long)length) & (alignment - 1)) == 0 && length <= Limits.MaxTransfer && length > 0 && offset <= Length - length;

    private long RoundUp(long offset) => (offset + alignment - 1) & -(long)alignment;

    private long RoundDown(long offset) => offset & -(long)alignment;

    // Why up to the end of the sector: disks are counted in sectors, and what an export lacks of its last one is not there to be written.
    private void DemandWritable(long offset, long length)
    {
        if (IsReadOnly)
            throw BlockException.FromErrno(Errno.EACCES, "Could not write", Path, offset);
        if (offset > (Length + 511 & ~511L) - length)
            throw BlockException.FromErrno(Errno.ENOSPC, "Could not write", Path, offset);
    }

    private ValueTask FlushNowAsync() => Export.Can(NbdTransmissionFlags.SendFlush)
        ? RunAsync(NbdCommand.Flush, NbdCommandFlags.None, 0, 0, default)
        : ValueTask.CompletedTask;

    private ValueTask WriteWholeAsync(long offset, IoMemory source) => IsDurableByFlush
        ? WriteAndFlushAsync(offset, source)
        : RunAsync(NbdCommand.Write, DurableFlag, offset, source.Length, source);

    [AsyncMethodBuilder(typeof(PooledTaskBuilder))]
    private async ValueTask WriteAndFlushAsync(long offset, IoMemory source)
    {
        await RunAsync(NbdCommand.Write, NbdCommandFlags.None, offset, source.Length, source);
        await FlushNowAsync();
    }

    [AsyncMethodBuilder(typeof(PooledTaskBuilder))]
    private async ValueTask ReadPiecesAsync(long offset, IoMemory destination)
    {
        while (destination.Length > 0)
        {
            var there = (int)Math.Clamp(Length - offset, 0, destination.Length);
            if (there == 0)
            {
                destination.Span.Clear();
                return;
            }

            var part = DirectLength(offset, there);
            if (part > 0)
                await RunAsync(NbdCommand.Read, NbdCommandFlags.None, offset, part, destination.Slice(0, part));
            else
                part = await ReadBouncedAsync(offset, destination.Slice(0, there));
            offset += part;
            destination = destination.Slice(part);
        }
    }

    [AsyncMethodBuilder(typeof(PooledTaskBuilder<>))]
    private async ValueTask<int> ReadBouncedAsync(long offset, IoMemory destination)
    {
        using var block = Buffers.Rent(alignment);
        var within = (int)(offset - RoundDown(offset));
        var part = Math.Min(destination.Length, alignment - within);
        await RunAsync(NbdCommand.Read, NbdCommandFlags.None, RoundDown(offset), alignment, block.Memory);
        block.Span.Slice(within, part).CopyTo(destination.Span);
        return part;
    }

    [AsyncMethodBuilder(typeof(PooledTaskBuilder))]
    private async ValueTask WritePiecesAsync(long offset, IoMemory source)
    {
        source = source.Slice(0, (int)Math.Clamp(Length - offset, 0, source.Length));
        if (source.Length == 0)
            return;
        var held = await locks.AcquireAsync(RoundDown(offset), RoundUp(offset + source.Length));
        try
        {
            while (source.Length > 0)
            {
                var part = DirectLength(offset, source.Length);
                if (part > 0)
                    await WriteWholeAsync(offset, source.Slice(0, part));
                else
                    part = await WriteBouncedAsync(offset, source);
                offset += part;
                source = source.Slice(part);
            }
        }
        finally
        {
            locks.Release(held);
        }
    }

    [AsyncMethodBuilder(typeof(PooledTaskBuilder<>))]
    private async ValueTask<int> WriteBouncedAsync(long offset, IoMemory source)
    {
        using var block = Buffers.Rent(alignment);
        var within = (int)(offset - RoundDown(offset));
        var part = Math.Min(source.Length, alignment - within);
        await RunAsync(NbdCommand.Read, NbdCommandFlags.None, RoundDown(offset), alignment, block.Memory);
        source.Span[..part].CopyTo(block.Span[within..]);
        await WriteWholeAsync(RoundDown(offset), block.Memory);
        return part;
    }

    // How much can go straight through; 0 where a part of a block comes first.
    private int DirectLength(long offset, int length) =>
        (offset & (alignment - 1)) == 0 ? Math.Min(length, Limits.MaxTransfer) & -alignment : 0;

    private async ValueTask WriteZeroBytesAsync(long start, long stop)
    {
        if (start >= stop)
            return;
        using var zeroes = Buffers.Rent((int)Math.Min(Math.Min(ZeroBufferBytes, Limits.MaxTransfer), stop - start));
        zeroes.Span.Clear();
        for (var at = start; at < stop; at += Math.Min(zeroes.Length, stop - at))
            await WritePiecesAsync(at, zeroes.Memory.Slice(0, (int)Math.Min(zeroes.Length, stop - at)));
    }

    [AsyncMethodBuilder(typeof(PooledTaskBuilder))]
    private async ValueTask RunAsync(NbdCommand command, NbdCommandFlags flags, long offset, long length, IoMemory memory)
    {
        var cancels = connections.CancelCount;
        for (var attempt = 1; ; attempt++)
        {
            var connection = await connections.GetAsync() ?? throw Failed(command, offset, Errno.EIO);
            var result = await connection.Start(command, flags, offset, length, memory).Task;
            if (result == 0)
                return;
            Judge(result, command, offset, attempt, cancels);
        }
    }

    [AsyncMethodBuilder(typeof(PooledTaskBuilder<>))]
    private async ValueTask<NbdExtent> AskAsync(long offset, long length)
    {
        var cancels = connections.CancelCount;
        for (var attempt = 1; ; attempt++)
        {
            var connection = await connections.GetAsync() ?? throw Failed(NbdCommand.BlockStatus, offset, Errno.EIO);
            var exchange = connection.Start(NbdCommand.BlockStatus, NbdCommandFlags.RequestOne, offset, length, default);
            var result = await exchange.Task;

            // Why still: nobody else has had a chance to take the exchange since.
            if (result == 0)
                return exchange.Extent;
            Judge(result, NbdCommand.BlockStatus, offset, attempt, cancels);
        }
    }

    private void Judge(int result, NbdCommand command, long offset, int attempt, int cancels)
    {
        if (result != NbdConnection.Lost)
            throw Failed(command, offset, -result);
        if (attempt == MaxAttempts || !connections.MayRetry(cancels))
            throw connections.Failure ?? Failed(command, offset, Errno.EIO);
    }

    private BlockException Failed(NbdCommand command, long offset, int errno)
    {
        var what = command switch
        {
            NbdCommand.Read => "Could not read",
            NbdCommand.Write => "Could not write",
            NbdCommand.WriteZeroes => "Could not write zeroes to",
            NbdCommand.Trim => "Could not discard from",
            NbdCommand.Flush => "Could not flush",
            _ => "Could not get the block status of",
        };
        return BlockException.FromErrno(errno, what, Path, command == NbdCommand.Flush ? -1 : offset);
    }
}
