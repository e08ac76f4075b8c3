using BlockUring.Bitmaps;
using BlockUring.Jobs.Backup;

namespace BlockUring.Jobs.Mirror;

/// <summary>
/// The user's bitmap during a mirror. In the end it holds what was written since the target was last equal to the disk, if the mirror succeeded;
/// what the target lacks, if it did not and the user wants that; else what it held, and what was written.
/// </summary>
internal sealed class MirrorBitmap
{
    private readonly DirtyBitmap bitmap;
    private readonly BitmapMode mode;
    private readonly bool isSource;
    private readonly DirtyBitmap writes;
    private DirtyBitmap? earlierWrites;

    /// <summary>Freezes the bitmap.</summary>
    /// <param name="request">It has a bitmap.</param>
    public MirrorBitmap(MirrorRequest request)
    {
        (bitmap, mode, isSource) = (request.Bitmap!, request.BitmapMode, request.UsesBitmap);
        writes = bitmap.CreateSuccessor();
    }

    /// <summary>Whether a failure leaves what the target lacks, so that what it has should be on its storage.</summary>
    public bool TellsWhatIsLacking => mode == BitmapMode.Always;

    /// <summary>The target has all that was written, and gets nothing that will be. Nobody is writing.</summary>
    public void NoteInstant()
    {
        earlierWrites = writes.Clone(null);
        writes.Clear();
    }

    /// <summary>Makes the bitmap the user's again. Nobody is writing.</summary>
    /// <param name="hasSucceeded">Whether the target has all that the disk held at <see cref="NoteInstant"/>.</param>
    /// <param name="lacking">What the target lacks; null when that is not known.</param>
    public void Settle(bool hasSucceeded, DirtyBitmap? lacking)
    {
        if (hasSucceeded && mode != BitmapMode.Never)
        {
            bitmap.Abdicate();
            return;
        }

        if (earlierWrites != null && (hasSucceeded || lacking == null || mode != BitmapMode.Always))
            writes.Merge(earlierWrites);
        if (hasSucceeded || mode != BitmapMode.Always)
        {
            bitmap.Reclaim();
            return;
        }

        if (lacking == null)
        {
            bitmap.Reclaim();
            if (!isSource)
                bitmap.SetAll();
            return;
        }

        // Until the instant, all that was written is in what is lacking, unless the target has it by now.
        if (earlierWrites == null)
            writes.Clear();
        bitmap.Abdicate().Merge(lacking);
    }
}
