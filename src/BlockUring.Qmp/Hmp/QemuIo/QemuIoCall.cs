using System.Text;
using BlockUring.Graph;
using BlockUring.Images;
using BlockUring.Native.Interop;
using BlockUring.Storage;

namespace BlockUring.Qmp.Hmp.QemuIo;

/// <summary>One command line of qemu-io at work.</summary>
/// <param name="context">The daemon.</param>
/// <param name="user">Attached to the node; draining it holds the requests.</param>
/// <param name="requests">What the node's earlier commands left running.</param>
/// <param name="arguments">The words behind the command's name.</param>
internal sealed class QemuIoCall(MonitorContext context, DiskUser user, QemuIoRequests requests, IReadOnlyList<string> arguments)
{
    // The longest request that QEMU's block layer takes.
    private const long MaxRequestBytes = 2147483136;
    private const int PieceBytes = 1 << 20;

    /// <summary>The daemon.</summary>
    public MonitorContext Context => context;

    /// <summary>The node.</summary>
    public BlockNode Node => user.Node;

    /// <summary>What the node's earlier commands left running.</summary>
    public QemuIoRequests Requests => requests;

    /// <summary>The words behind the command's name.</summary>
    public IReadOnlyList<string> Arguments => arguments;

    /// <summary>What the command prints.</summary>
    public StringBuilder Output { get; } = new();

    /// <summary>A time stamp, for <see cref="QemuIoReport"/>.</summary>
    public long Now => context.Scheduler.Time.GetTimestamp();

    /// <summary>How long ago that was.</summary>
    public TimeSpan Since(long start) => context.Scheduler.Time.GetElapsedTime(start);

    /// <summary>Prints a line.</summary>
    public void Print(string line) => Output.Append(line).Append('\n');

    /// <summary>Parses a size; says what is wrong with one that is none.</summary>
    public bool TryParseSize(string text, out long size)
    {
        var parsed = SizeText.Parse(text, 1, out var value);
        size = (long)Math.Min(value, long.MaxValue);
        if (parsed == SizeTextResult.Malformed)
            Print($"Parsing error: non-numeric argument, or extraneous/unrecognized suffix -- {text}");
        else if (parsed == SizeTextResult.TooLarge || value > long.MaxValue)
            Print($"Parsing error: argument too large -- {text}");
        else
            return true;
        return false;
    }

    /// <summary>Parses an offset and a length; says what is wrong with them.</summary>
    /// <param name="first">Where the two are.</param>
    /// <param name="isLimited">Whether the length has QEMU's limit.</param>
    /// <param name="hint">Behind the limit in the message.</param>
    /// <param name="offset">The offset.</param>
    /// <param name="length">The length.</param>
    public bool TryParseRange(IReadOnlyList<string> first, bool isLimited, string hint, out long offset, out long length)
    {
        length = 0;
        if (!TryParseSize(first[0], out offset) || !TryParseSize(first[1], out length))
            return false;
        if (!isLimited || length <= MaxRequestBytes)
            return true;
        Print($"length cannot exceed {MaxRequestBytes}{hint}, given {first[1]}");
        return false;
    }

    /// <summary>Runs requests in the user's gate.</summary>
    /// <param name="name">The command, for the message.</param>
    /// <param name="request">Makes the requests.</param>
    /// <returns>False when it failed, and has said so.</returns>
    public async ValueTask<bool> TryRequestAsync(string name, Func<BlockNode, ValueTask> request)
    {
        try
        {
            await user.RunAsync(request);
            return true;
        }
        catch (BlockException e)
        {
            Print($"{name} failed: {(e.ErrorNumber != 0 ? Errno.Message(e.ErrorNumber) : e.Message)}");
            return false;
        }
    }

    /// <summary>Reads a range, piece by piece.</summary>
    /// <param name="node">Where.</param>
    /// <param name="offset">From.</param>
    /// <param name="length">Bytes.</param>
    /// <param name="take">Is handed every piece: its offset from the start, and the bytes.</param>
    public async ValueTask ReadAsync(BlockNode node, long offset, long length, Action<long, ReadOnlySpan<byte>> take)
    {
        DemandInside(node, offset, length);
        if (length == 0)
            return;
        using var buffer = node.Buffers.Rent((int)Math.Min(PieceBytes, length));
        for (long done = 0; done < length; done += PieceBytes)
        {
            var piece = buffer.Memory.Slice(0, (int)Math.Min(PieceBytes, length - done));
            await node.ReadAsync(offset + done, piece);
            take(done, piece.Span);
        }
    }

    /// <summary>Writes some bytes again and again until a range is full, piece by piece.</summary>
    /// <param name="node">Where.</param>
    /// <param name="offset">From.</param>
    /// <param name="length">Bytes.</param>
    /// <param name="pattern">One byte or more.</param>
    public async ValueTask WriteAsync(BlockNode node, long offset, long length, byte[] pattern)
    {
        DemandInside(node, offset, length);
        if (length == 0)
            return;
        using var buffer = node.Buffers.Rent((int)Math.Min(PieceBytes, length));
        for (long done = 0; done < length; done += PieceBytes)
        {
            if (done == 0 || PieceBytes % pattern.Length != 0)
                Fill(buffer.Span, pattern, done);
            await node.WriteAsync(offset + done, buffer.Memory.Slice(0, (int)Math.Min(PieceBytes, length - done)));
        }
    }

    /// <summary>Fills a piece of a pattern that is repeated.</summary>
    /// <param name="piece">Is filled.</param>
    /// <param name="pattern">One byte or more.</param>
    /// <param name="start">How far from the beginning of the whole the piece is.</param>
    public static void Fill(Span<byte> piece, ReadOnlySpan<byte> pattern, long start)
    {
        if (pattern.Length == 1)
        {
            piece.Fill(pattern[0]);
            return;
        }

        var at = (int)(start % pattern.Length);
        while (!piece.IsEmpty)
        {
            var part = pattern.Slice(at, Math.Min(pattern.Length - at, piece.Length));
            part.CopyTo(piece);
            piece = piece[part.Length..];
            at = 0;
        }
    }

    /// <summary>Refuses what is not inside the disk.</summary>
    /// <exception cref="BlockException">EIO, as QEMU has it.</exception>
    public static void DemandInside(BlockNode node, long offset, long length)
    {
        if (offset > node.Length - length)
            throw Failure(Errno.EIO);
    }

    /// <summary>A failure that is a number alone.</summary>
    public static BlockException Failure(int errno) => new(BlockException.KindOf(errno), Errno.Message(errno), errno);
}
