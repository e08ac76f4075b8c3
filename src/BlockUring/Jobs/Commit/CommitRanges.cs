using BlockUring.Bitmaps;
using BlockUring.Copy;

namespace BlockUring.Jobs.Commit;

/// <summary>What is to be committed, all known beforehand, to be gone over more than once.</summary>
internal sealed class CommitRanges
{
    private readonly RangeCopySettings settings;
    private readonly DirtyBitmap wanted;
    private readonly DirtyBitmap zeroes;
    private long position;

    /// <param name="length">Of the disk, in bytes.</param>
    /// <param name="settings">The unit of the ranges, and the longest chunk of data.</param>
    public CommitRanges(long length, RangeCopySettings settings)
    {
        this.settings = settings;
        wanted = new DirtyBitmap(null, length, settings.ClusterLength);
        zeroes = new DirtyBitmap(null, length, settings.ClusterLength);
    }

    /// <summary>Bytes of all ranges.</summary>
    public long TotalBytes => wanted.Count;

    /// <summary>Adds a range.</summary>
    public void Add(CommitPiece piece)
    {
        wanted.Set(piece.Offset, piece.Length);
        if (piece.IsZero)
            zeroes.Set(piece.Offset, piece.Length);
    }

    /// <summary>The next range; one of length 0 at the end.</summary>
    public CommitPiece Next()
    {
        if (!wanted.NextDirtyArea(position, wanted.Length, CommitPlanner.MaxZeroes, out var offset, out var length))
            return default;
        var isZero = zeroes.Get(offset);
        var change = isZero ? zeroes.NextClean(offset, offset + length) : zeroes.NextDirty(offset, offset + length);
        if (change >= 0)
            length = change - offset;
        if (!isZero)
            length = Math.Min(length, settings.MaxChunk - (offset & (settings.MaxChunk - 1)));
        position = offset + length;
        return new CommitPiece(offset, length, IsWanted: true, isZero);
    }

    /// <summary>Goes back to the first one.</summary>
    public void Restart() => position = 0;
}
