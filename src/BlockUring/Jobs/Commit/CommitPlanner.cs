using System.Runtime.CompilerServices;
using BlockUring.Copy;
using BlockUring.Graph;
using BlockUring.Images;
using BlockUring.Storage;

namespace BlockUring.Jobs.Commit;

/// <summary>Walks once over what top shows, and hands out what a layer above the base holds: chunks of data, long runs of zeroes.</summary>
/// <remarks>The layers above the base do not change meanwhile.</remarks>
internal sealed class CommitPlanner
{
    // Why: a pause waits for what is in flight, and zeroes may have to be written out.
    internal const long MaxZeroes = 64 << 20;

    private readonly BlockNode top;
    private readonly BlockNode bottom;
    private readonly RangeCopySettings settings;
    private readonly RangeLock turn = new();
    private long position;

    /// <param name="top">Read.</param>
    /// <param name="bottom">The base.</param>
    /// <param name="settings">The unit in which pieces begin and end, and the longest chunk of data.</param>
    public CommitPlanner(BlockNode top, BlockNode bottom, RangeCopySettings settings)
    {
        this.top = top;
        this.bottom = bottom;
        this.settings = settings;
    }

    /// <summary>Told of bytes that only the base holds, and that stay there.</summary>
    public Action<long> Skipped { get; set; } = _ => { };

    private long Unit => settings.ClusterLength;

    /// <summary>The next piece; one of length 0 at the end.</summary>
    /// <exception cref="BlockException">A layer cannot be read; asking again tries again.</exception>
    public async ValueTask<CommitPiece> NextAsync()
    {
        var held = await turn.AcquireAsync(0, 1);
        try
        {
            while (position < top.Length)
            {
                var piece = await LookAsync();
                position += piece.Length;
                if (piece.IsWanted)
                    return piece;
                Skipped(piece.Length);
            }

            return default;
        }
        finally
        {
            turn.Release(held);
        }
    }

    // A unit that is only partly unallocated, or partly zeroes, is data: what the base holds of it is read, and written back.
    [AsyncMethodBuilder(typeof(PooledTaskBuilder<>))]
    private async ValueTask<CommitPiece> LookAsync()
    {
        var status = await StatusAsync(position, top.Length - position);
        var end = position + status.Length;
        var whole = end == top.Length ? end : end & -Unit;
        if (whole > position && !IsWanted(status))
            return new CommitPiece(position, whole - position, IsWanted: false, IsZero: false);
        if (whole > position && status.IsZero)
            return new CommitPiece(position, Math.Min(whole - position, MaxZeroes), IsWanted: true, IsZero: true);
        var limit = Math.Min(top.Length, (position & -(long)settings.MaxChunk) + settings.MaxChunk);
        for (end = RoundUp(end); end < limit; end = RoundUp(end + status.Length))
        {
            status = await StatusAsync(end, limit - end);
            if (!IsWanted(status) && status.Length >= Unit)
                break;
        }

        return new CommitPiece(position, Math.Min(end, limit) - position, IsWanted: true, IsZero: false);
    }

    private long RoundUp(long offset) => (offset + Unit - 1) & -Unit;

    private ValueTask<BlockStatus> StatusAsync(long offset, long length) => top.GetStatusAsync(offset, length, bottom);

    // What no layer above the base holds, but one of them is too short to show, reads as zeroes and hides what the base has there.
    private static bool IsWanted(BlockStatus status) => status.IsAllocated || status.IsZero;
}
