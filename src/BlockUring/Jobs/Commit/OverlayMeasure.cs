using BlockUring.Graph;
using BlockUring.Images;

namespace BlockUring.Jobs.Commit;

/// <summary>Counts what an overlay lacks of ranges that ascend, in its own units of allocation.</summary>
internal sealed class OverlayMeasure
{
    private readonly FormatNode overlay;
    private readonly GuestDisk below;
    private readonly bool isKnown;
    private long counted;
    private long bytes;
    private long dataBytes;

    /// <param name="overlay">The overlay.</param>
    /// <param name="below">What it lies over.</param>
    /// <param name="isKnown">Whether it is a node that somebody has opened before.</param>
    public OverlayMeasure(FormatNode overlay, GuestDisk below, bool isKnown)
    {
        this.overlay = overlay;
        this.below = below;
        this.isKnown = isKnown;
    }

    public OverlayDemand Result => new(isKnown ? overlay.Name : null, overlay.FileName, bytes, dataBytes);

    /// <summary>Adds a range, behind all that were added before.</summary>
    public async ValueTask AddAsync(long offset, long length)
    {
        var end = Math.Min(offset + length, overlay.Length);
        while (offset < end)
        {
            var status = await overlay.GetLayerStatusAsync(offset, end - offset, wantZero: false);
            if (!status.IsAllocated)
                await CountAsync(offset, offset + status.Length);
            offset += status.Length;
        }
    }

    private async ValueTask CountAsync(long start, long end)
    {
        long unit = overlay.Image.Format.AllocationGranularity;
        start = Math.Max(counted, start & -unit);
        end = Math.Min(overlay.Length, (end + unit - 1) & -unit);
        if (start >= end)
            return;
        counted = end;
        bytes += end - start;
        while (start < Math.Min(end, below.Length))
        {
            var status = await below.GetStatusAsync(start, Math.Min(end, below.Length) - start);
            if (!status.IsZero)
                dataBytes += status.Length;
            start += status.Length;
        }
    }
}
