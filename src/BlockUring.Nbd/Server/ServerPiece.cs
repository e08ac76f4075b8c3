using System.Runtime.CompilerServices;
using BlockUring.Images;
using BlockUring.Native.Memory;
using BlockUring.Nbd.Wire;
using BlockUring.Storage;

namespace BlockUring.Nbd.Server;

/// <summary>A piece of a request: what one call of the engine does. Used again and again.</summary>
internal sealed class ServerPiece
{
    private readonly NbdTransmission owner;
    private readonly Action finish;
    private ValueTaskAwaiter running;

    public ServerPiece(NbdTransmission owner)
    {
        this.owner = owner;
        finish = Finish;
    }

    /// <summary>What it is a piece of.</summary>
    public ServerRequest Request { get; private set; } = null!;

    /// <summary>Where, in bytes of the export.</summary>
    public long Offset { get; private set; }

    /// <summary>Bytes.</summary>
    public long Length { get; private set; }

    /// <summary>Bytes in the books.</summary>
    public long BudgetBytes { get; private set; }

    /// <summary>The payload; null where there is none. Owned until <see cref="TakeBuffer"/>.</summary>
    public IoBuffer? Buffer { get; set; }

    /// <summary>The payload's bytes.</summary>
    public IoMemory Memory => Buffer!.Memory.Slice(0, (int)Length);

    /// <summary>Makes it a piece of a request.</summary>
    public void Begin(ServerRequest request, long offset, long length, long budgetBytes)
    {
        (Request, Offset, Length, BudgetBytes) = (request, offset, length, budgetBytes);
    }

    /// <summary>Hands the payload on.</summary>
    public IoBuffer TakeBuffer()
    {
        var taken = Buffer!;
        Buffer = null;
        return taken;
    }

    /// <summary>Drops the payload, where there still is one.</summary>
    public void DropBuffer()
    {
        Buffer?.Dispose();
        Buffer = null;
    }

    /// <summary>Does it; the owner is told when it has ended.</summary>
    public void Start()
    {
#pragma warning disable CA2012 // Why not awaited: the method that does that would be another task for every request. It is consumed once, in Finish.
        running = RunAsync().GetAwaiter();
#pragma warning restore CA2012
        if (running.IsCompleted)
            Finish();
        else
            running.UnsafeOnCompleted(finish);
    }

    private void Finish()
    {
        var ended = running;
        running = default;
        ended.GetResult();
        owner.EndPiece(this);
    }

    [AsyncMethodBuilder(typeof(PooledTaskBuilder))]
    private async ValueTask RunAsync()
    {
        var export = owner.Export;
        try
        {
            await export.Gate.EnterAsync();
            try
            {
                // Why here: the disk may have become shorter while this waited at the gate.
                if (!owner.IsInside(Request, Offset, Length) || IsNothing())
                    return;
                var offset = Offset + export.Offset;
                switch (Request.Header.Command)
                {
                    case NbdCommand.Read:
                        await export.Node.ReadAsync(offset, Memory);
                        return;
                    case NbdCommand.Write:
                        await export.Node.WriteAsync(offset, Memory);
                        break;
                    case NbdCommand.WriteZeroes:
                        await export.Node.WriteZeroesAsync(offset, Length, ZeroFlags());
                        break;
                    case NbdCommand.Trim:
                        await export.Node.DiscardAsync(offset, Length);
                        break;
                    case NbdCommand.Flush:
                        await export.Node.FlushAsync();
                        return;
                    case NbdCommand.Cache:
                        await ReadAheadAsync(offset);
                        return;
                    case NbdCommand.BlockStatus:
                        await owner.Status.CollectAsync(Request);
                        return;
                }

                if (NeedsFlush(export))
                    await export.Node.FlushAsync();
            }
            finally
            {
                export.Gate.Exit();
            }
        }
        catch (BlockException e)
        {
            Request.Fail(NbdFailure.Of(e), e.Message);
        }
        catch (InsufficientMemoryException e)
        {
            Request.Fail(NbdError.NoMemory, e.Message);
        }
    }

    private bool IsNothing() => Length == 0 && Request.Header.Command != NbdCommand.Flush;

    // Whether this is the last piece of a write that is to be durable before it is answered.
    private bool NeedsFlush(NbdExport export) =>
        Request.PiecesLeft == 1 && (export.IsWriteThrough || (Request.Header.Flags & NbdCommandFlags.ForceUnitAccess) != 0);

    private WriteFlags ZeroFlags() => (Request.Header.Flags & NbdCommandFlags.NoHole) != 0 ? WriteFlags.None : WriteFlags.MayUnmap;

    // What is read is in the host's cache then, and in an overlay that keeps what is read.
    private async ValueTask ReadAheadAsync(long offset)
    {
        const int Step = 256 << 10;
        using var buffer = owner.Scheduler.Buffers.Rent((int)Math.Min(Step, Math.Max(1, Length)));
        for (long done = 0; done < Length && !owner.IsEnding; done += Step)
            await owner.Export.Node.ReadAsync(offset + done, buffer.Memory.Slice(0, (int)Math.Min(Step, Length - done)));
    }
}
