using System.Runtime.CompilerServices;
using BlockUring.Native.Channels;
using BlockUring.Native.Uring;
using BlockUring.Nbd.Wire;
using BlockUring.Storage;

namespace BlockUring.Nbd.Server;

/// <summary>
/// The requests of one connection, many at a time. Long ones go in pieces: a write begins while the rest of it still comes, and what a connection
/// holds is bounded.
/// </summary>
internal sealed class NbdTransmission
{
    /// <summary>The most bytes of a piece.</summary>
    public const int PieceBytes = 1 << 20;

    // Pieces of one connection that have come and are not answered.
    private const int MaxPieces = 256;

    private readonly ChannelInput input;
    private readonly NbdAgreement agreement;
    private readonly TransferBudget budget;
    private readonly long maxBytes;
    private readonly RequestRules rules;
    private readonly ReplySender sender;
    private readonly ReplyWriter replies;
    private readonly WakeSignal capacity = new();
    private readonly Stack<ServerRequest> idleRequests = new();
    private readonly Stack<ServerPiece> idlePieces = new();
    private int pieceCount;
    private long heldBytes;

    /// <summary>Makes the phase that follows a handshake.</summary>
    /// <param name="scheduler">The connection's thread.</param>
    /// <param name="channel">Of the connection.</param>
    /// <param name="input">What comes through it.</param>
    /// <param name="agreement">What the handshake has ended in.</param>
    /// <param name="budget">Of the server.</param>
    /// <param name="maxBytes">The most bytes that this connection holds.</param>
    public NbdTransmission(
        Scheduler scheduler, ByteChannel channel, ChannelInput input, NbdAgreement agreement, TransferBudget budget, long maxBytes)
    {
        Scheduler = scheduler;
        this.input = input;
        this.agreement = agreement;
        this.budget = budget;
        this.maxBytes = maxBytes;
        rules = new(agreement);
        sender = new(scheduler, channel, ReleaseSent);
        replies = new(sender, agreement.Style) { Contexts = agreement.Contexts };
        Status = new(agreement.Export, agreement.Contexts);
    }

    /// <summary>The connection's thread.</summary>
    public Scheduler Scheduler { get; }

    /// <summary>What is used.</summary>
    public NbdExport Export => agreement.Export;

    /// <summary>Answers block status.</summary>
    public StatusCollector Status { get; }

    /// <summary>Whether no more requests are taken.</summary>
    public bool IsEnding { get; private set; }

    private bool IsExtended => agreement.Style == NbdReplyStyle.Extended;

    /// <summary>Serves until the client has gone, and all that it asked for has ended.</summary>
    public async ValueTask RunAsync()
    {
        var sending = sender.RunAsync();
        await ReceiveAsync();
        IsEnding = true;
        while (pieceCount > 0)
            await capacity.WaitAsync();
        sender.End();
        await sending;
    }

    /// <summary>Whether a piece still lies inside the export; its request has failed otherwise.</summary>
    public bool IsInside(ServerRequest request, long offset, long length)
    {
        if (rules.IsInside((ulong)offset, (ulong)length))
            return true;
        request.Fail(RequestRules.OutsideError(request.Header.Command), rules.OutsideMessage((ulong)offset, (ulong)length));
        return false;
    }

    /// <summary>A piece has ended: what is to be said of it is said.</summary>
    public void EndPiece(ServerPiece piece)
    {
        var request = piece.Request;
        var isLast = --request.PiecesLeft == 0;
        if (request.Header.Command == NbdCommand.Read && request.Error == NbdError.None)
            replies.WriteData(piece, isLast);
        else if (isLast)
            replies.WriteEnd(request);
        piece.DropBuffer();
        sender.AddEnd(piece.BudgetBytes);
        idlePieces.Push(piece);
        if (isLast)
            idleRequests.Push(request);
    }

    private async ValueTask ReceiveAsync()
    {
        var bytes = NbdRequest.Bytes(IsExtended);
        while (!sender.HasFailed && await input.FillAsync(bytes))
        {
            if (!NbdRequest.TryRead(input.Available, IsExtended, out var header))
                return;
            input.Take(bytes);
            if (header.Command == NbdCommand.Disconnect)
                return;
            if (!await AcceptAsync(header))
                return;
        }
    }

    /// <returns>False where the connection cannot go on.</returns>
    [AsyncMethodBuilder(typeof(PooledTaskBuilder<>))]
    private async ValueTask<bool> AcceptAsync(NbdRequest header)
    {
        var payload = rules.PayloadBytes(header);
        if (payload > NbdLimits.MaxPayloadBytes)
            return false;
        var error = rules.Check(header, out var message);
        var unit = error == NbdError.None ? UnitOf(header) : long.MaxValue;
        var request = idleRequests.TryPop(out var idle) ? idle : new();
        request.Begin(header, (int)Math.Max(1, 1 + ((long)(header.Length - 1) / unit)));
        if (error != NbdError.None)
        {
            request.PiecesLeft = 1;
            request.Fail(error, message);
            return await input.SkipAsync((long)payload) && await TakeCapacityAsync(0) && EndAtOnce(request);
        }

        // Why: what a flush says besides means nothing.
        var (offset, left) = header.Command == NbdCommand.Flush ? (0, 0) : ((long)header.Offset, (long)header.Length);
        do
        {
            var length = Math.Min(left, unit);
            if (!await StartPieceAsync(request, offset, length))
                return false;
            offset += length;
            left -= length;
        }
        while (left > 0);

        return true;
    }

    // What a request is cut into. Why not where a reply must be whole: simple replies have one header, and with it the error, before all data.
    private long UnitOf(in NbdRequest header) => header.Command switch
    {
        NbdCommand.Write => PieceBytes,
        NbdCommand.Read when agreement.Style != NbdReplyStyle.Simple && (header.Flags & NbdCommandFlags.DoNotFragment) == 0 => PieceBytes,
        _ => long.MaxValue,
    };

    private bool EndAtOnce(ServerRequest request)
    {
        var piece = TakePiece();
        piece.Begin(request, 0, 0, 0);
        EndPiece(piece);
        return true;
    }

    [AsyncMethodBuilder(typeof(PooledTaskBuilder<>))]
    private async ValueTask<bool> StartPieceAsync(ServerRequest request, long offset, long length)
    {
        var command = request.Header.Command;
        var hasPayload = command is NbdCommand.Read or NbdCommand.Write && length > 0;
        var bytes = hasPayload ? length : 0;
        if (!await TakeCapacityAsync(bytes))
            return false;
        var piece = TakePiece();
        piece.Begin(request, offset, length, bytes);
        if (hasPayload && !TryRent(piece))
        {
            if (command == NbdCommand.Write && !await input.SkipAsync(length))
                return Abandon(piece);
            EndPiece(piece);
            return true;
        }

        if (hasPayload && command == NbdCommand.Write && !await input.ReadAsync(piece.Memory))
            return Abandon(piece);
        piece.Start();
        return true;
    }

    private ServerPiece TakePiece() => idlePieces.TryPop(out var piece) ? piece : new(this);

    private bool TryRent(ServerPiece piece)
    {
        try
        {
            piece.Buffer = Scheduler.Buffers.Rent((int)piece.Length);
            return true;
        }
        catch (InsufficientMemoryException e)
        {
            piece.Request.Fail(NbdError.NoMemory, e.Message);
            return false;
        }
    }

    // The client has gone in the middle of a payload: nobody waits for an answer.
    private bool Abandon(ServerPiece piece)
    {
        piece.DropBuffer();
        ReleaseSent(1, piece.BudgetBytes);
        return false;
    }

    [AsyncMethodBuilder(typeof(PooledTaskBuilder<>))]
    private async ValueTask<bool> TakeCapacityAsync(long bytes)
    {
        while (!TryTakeCapacity(bytes))
        {
            await capacity.WaitAsync();
            if (sender.HasFailed)
                return false;
        }

        return true;
    }

    private bool TryTakeCapacity(long bytes)
    {
        if (pieceCount >= MaxPieces || (pieceCount > 0 && heldBytes + bytes > maxBytes))
            return false;
        if (!budget.TryTake(bytes, isFirst: pieceCount == 0 && bytes <= PieceBytes))
        {
            budget.Await(capacity);
            return false;
        }

        pieceCount++;
        heldBytes += bytes;
        return true;
    }

    private void ReleaseSent(int pieces, long bytes)
    {
        pieceCount -= pieces;
        heldBytes -= bytes;
        budget.Release(bytes);
        capacity.Set();
    }
}
