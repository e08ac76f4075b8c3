using BlockUring.Cli.Output;
using BlockUring.Images;
using BlockUring.Native.Memory;
using BlockUring.Storage;

namespace BlockUring.Cli.Img;

/// <summary>
/// Compares what two images show the guest: walks both maps, skips what both say is zero, reads the rest in pieces with several in
/// flight, and judges the pieces in order, so that the first difference is the one reported.
/// </summary>
internal sealed class ImageComparison
{
    // What qemu-img compares at a time: the steps of its progress.
    private const int ChunkLength = 2 << 20;

    // Why: small enough that the bytes of both sides are still in the cache when they are compared.
    private const int PieceLength = 128 << 10;
    private const int MaxPiecesInFlight = 16;
    private const int SectorLength = 512;
    private const int AllocationFailure = 3;
    private const int ReadFailure = 4;

    private readonly Side first;
    private readonly Side second;
    private readonly bool strict;
    private readonly ProgressReport progress;
    private readonly Action warnOfSizes;
    private readonly Queue<(long Length, ValueTask<string?> Judgement)> pieces = new();
    private readonly long longest;

    /// <summary>Prepares a comparison.</summary>
    /// <param name="first">The first image.</param>
    /// <param name="second">The second image.</param>
    /// <param name="strict">Whether sizes and allocation must agree too.</param>
    /// <param name="progress">Told how far it is.</param>
    /// <param name="warnOfSizes">Called when the common part is the same and the sizes differ.</param>
    public ImageComparison(Side first, Side second, bool strict, ProgressReport progress, Action warnOfSizes)
    {
        this.first = first;
        this.second = second;
        this.strict = strict;
        this.progress = progress;
        this.warnOfSizes = warnOfSizes;
        longest = Math.Max(first.Image.Length, second.Image.Length);
    }

    /// <summary>Compares.</summary>
    /// <returns>The first difference as qemu-img words it, null for none.</returns>
    /// <exception cref="CommandFailure">An image could not be read.</exception>
    public async ValueTask<string?> RunAsync()
    {
        var sizesDiffer = first.Image.Length != second.Image.Length;
        if (strict && sizesDiffer)
            return "Strict mode: Image size mismatch!";
        try
        {
            var difference = await CompareCommonPartAsync();
            if (difference != null || !sizesDiffer)
                return difference;
            warnOfSizes();
            return await CheckTailAsync(first.Image.Length > second.Image.Length ? first : second);
        }
        finally
        {
            await AbandonAsync();
        }
    }

    private async ValueTask<string?> CompareCommonPartAsync()
    {
        var end = Math.Min(first.Image.Length, second.Image.Length);
        for (long offset = 0; offset < end;)
        {
            var one = await StatusAsync(first, offset);
            var two = await StatusAsync(second, offset);
            var length = Math.Min(one.Length, two.Length);
            if (strict && !HaveSameStatus(one, two, offset))
                return await FinishAsync() ?? $"Strict mode: Offset {offset} block status mismatch!";

            if ((one.IsZero && two.IsZero) || (!one.IsAllocated && !two.IsAllocated))
            {
                if (await AddAsync(length, default) is { } difference)
                    return difference;
            }
            else
            {
                length = Math.Min(length, ChunkLength);
                var only = one.IsAllocated == two.IsAllocated ? null : one.IsAllocated ? first : second;
                if (await AddChunkAsync(offset, (int)length, only) is { } difference)
                    return difference;
            }

            offset += length;
        }

        return await FinishAsync();
    }

    // What the longer image has beyond the end of the shorter one must read as zeroes.
    private async ValueTask<string?> CheckTailAsync(Side longer)
    {
        for (var offset = Math.Min(first.Image.Length, second.Image.Length); offset < longest;)
        {
            var status = await StatusAsync(longer, offset);
            var length = status.Length;
            var holdsData = status.IsAllocated && !status.IsZero;
            if (holdsData)
                length = Math.Min(length, ChunkLength);
            var difference = holdsData ? await AddChunkAsync(offset, (int)length, longer) : await AddAsync(length, default);
            if (difference != null)
                return difference;
            offset += length;
        }

        return await FinishAsync();
    }

    // Starts the pieces of a chunk: compares both sides, or looks for anything but zeroes on the only one that has data. The last piece
    // stands for the whole chunk in the progress.
    private async ValueTask<string?> AddChunkAsync(long offset, int length, Side? only)
    {
        for (var within = 0; within < length; within += PieceLength)
        {
            var part = Math.Min(PieceLength, length - within);
            var judgement = only == null ? ComparePieceAsync(offset + within, part) : CheckZeroAsync(only, offset + within, part);
            if (await AddAsync(within + part == length ? length : 0, judgement) is { } difference)
                return difference;
        }

        return null;
    }

    private async ValueTask<string?> AddAsync(long length, ValueTask<string?> judgement)
    {
        pieces.Enqueue((length, judgement));
        while (pieces.Count >= MaxPiecesInFlight || (pieces.TryPeek(out var next) && next.Judgement.IsCompleted))
        {
            if (await JudgeOldestAsync() is { } difference)
                return difference;
        }

        return null;
    }

    private async ValueTask<string?> FinishAsync()
    {
        while (pieces.Count > 0)
        {
            if (await JudgeOldestAsync() is { } difference)
                return difference;
        }

        return null;
    }

    private async ValueTask<string?> JudgeOldestAsync()
    {
        var (length, judgement) = pieces.Dequeue();
        var difference = await judgement;
        if (difference == null && length > 0)
            progress.Advance((float)length / longest * 100);
        return difference;
    }

    // Buffers are in use until the last request has ended, also when the answer is known.
    private async ValueTask AbandonAsync()
    {
        while (pieces.TryDequeue(out var piece))
        {
            try
            {
                await piece.Judgement;
            }
            catch (CommandFailure)
            {
                // An earlier piece has decided.
            }
        }
    }

    private static async ValueTask<BlockStatus> StatusAsync(Side side, long offset)
    {
        try
        {
            return await side.Image.GetStatusAsync(offset, side.Image.Length - offset);
        }
        catch (BlockException)
        {
            throw new CommandFailure($"Sector allocation test failed for {side.Name}", AllocationFailure);
        }
    }

    private bool HaveSameStatus(BlockStatus one, BlockStatus two, long offset) =>
        one.IsData == two.IsData
        && one.IsZero == two.IsZero
        && one.IsAllocated == two.IsAllocated
        && one.IsCompressed == two.IsCompressed
        && (one.HostOffset < 0) == (two.HostOffset < 0)
        && (offset + one.Length == first.Image.Length) == (offset + two.Length == second.Image.Length);

    private async ValueTask<string?> ComparePieceAsync(long offset, int length)
    {
        using var one = first.Image.Buffers.Rent(length);
        using var two = second.Image.Buffers.Rent(length);
        var reading = ReadAsync(second, offset, two.Memory).Preserve();
        try
        {
            await ReadAsync(first, offset, one.Memory);
        }
        catch (CommandFailure)
        {
            await IgnoreAsync(reading);
            throw;
        }

        await reading;
        var common = one.Span.CommonPrefixLength(two.Span);
        return common == length ? null : Mismatch(offset + common / SectorLength * SectorLength);
    }

    private static async ValueTask<string?> CheckZeroAsync(Side side, long offset, int length)
    {
        using var buffer = side.Image.Buffers.Rent(length);
        await ReadAsync(side, offset, buffer.Memory);
        var nonZero = buffer.Span.IndexOfAnyExcept((byte)0);
        return nonZero < 0 ? null : Mismatch(offset + nonZero);
    }

    private static string Mismatch(long offset) => $"Content mismatch at offset {offset}!";

    private static async ValueTask ReadAsync(Side side, long offset, IoMemory destination)
    {
        try
        {
            await side.Image.ReadAsync(offset, destination);
        }
        catch (BlockException e)
        {
            throw new CommandFailure($"Error while reading offset {offset} of {side.Name}: {ErrorText.OfCause(e)}", ReadFailure);
        }
    }

    private static async ValueTask IgnoreAsync(ValueTask request)
    {
        try
        {
            await request;
        }
        catch (CommandFailure)
        {
            // The other side's failure is reported.
        }
    }

    /// <summary>One of the two images.</summary>
    /// <param name="Image">The image.</param>
    /// <param name="Name">Its name on the command line.</param>
    public sealed record Side(Image Image, string Name);
}
