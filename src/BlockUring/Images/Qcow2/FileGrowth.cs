using BlockUring.Storage;

namespace BlockUring.Images.Qcow2;

/// <summary>Makes an image's file longer, ahead of what is allocated, and cuts off what is unused.</summary>
/// <remarks>
/// One thread only. Nothing is written beyond what was grown to, and only this makes it more, one caller at a time: setting a length can thus
/// never cut off what another request has just written.
/// </remarks>
internal sealed class FileGrowth
{
    // Why: extending O_DIRECT writes run at half speed, so the file grows ahead of them in large steps; a flush cuts off what is unused.
    private const long Step = 64 << 20;

    private readonly BlockFile file;
    private readonly ClusterAllocator allocator;
    private readonly RangeLock turn = new();
    private long initialLength;
    private long grownEnd;

    public FileGrowth(BlockFile file, ClusterAllocator allocator)
    {
        this.file = file;
        this.allocator = allocator;
        initialLength = file.Length;
        grownEnd = initialLength;
    }

    /// <summary>Makes the file reach to the end of what is allocated; to be awaited before anything is written there.</summary>
    public ValueTask GrowAsync() => allocator.End <= grownEnd || !file.CanGrow ? ValueTask.CompletedTask : GrowInTurnAsync();

    /// <summary>Makes the file longer by so many bytes, whose space the host reserves; the next flush cuts off those that nothing took.</summary>
    /// <exception cref="BlockException">There is no room; the length is what it was.</exception>
    public async ValueTask ReserveAsync(long length, PreallocationMode mode)
    {
        // Why: what has been grown ahead is not reserved.
        await TrimAsync();
        var held = await turn.AcquireAsync(0, 1);
        try
        {
            await file.SetLengthAsync(grownEnd + length, mode);
            grownEnd += length;
        }
        finally
        {
            turn.Release(held);
        }
    }

    /// <summary>Cuts off what the file has grown ahead.</summary>
    public async ValueTask TrimAsync()
    {
        if (grownEnd == initialLength)
            return;
        var held = await turn.AcquireAsync(0, 1);
        try
        {
            var end = Math.Max(allocator.End, initialLength);
            if (end >= grownEnd)
                return;
            // Why: first, so that whoever takes clusters meanwhile waits to grow the file anew.
            grownEnd = end;
            await file.SetLengthAsync(end);
        }
        finally
        {
            turn.Release(held);
        }
    }

    /// <summary>Cuts the file behind what is allocated, though it was longer when it was opened.</summary>
    public async ValueTask CutAsync()
    {
        if (!file.CanGrow)
            return;
        var held = await turn.AcquireAsync(0, 1);
        try
        {
            var end = allocator.End;
            if (end >= grownEnd)
                return;
            (initialLength, grownEnd) = (end, end);
            await file.SetLengthAsync(end);
        }
        finally
        {
            turn.Release(held);
        }
    }

    private async ValueTask GrowInTurnAsync()
    {
        var held = await turn.AcquireAsync(0, 1);
        try
        {
            if (allocator.End <= grownEnd)
                return;
            var grown = (allocator.End + Step) & -Step;
            await file.SetLengthAsync(grown);
            grownEnd = grown;
        }
        finally
        {
            turn.Release(held);
        }
    }
}
