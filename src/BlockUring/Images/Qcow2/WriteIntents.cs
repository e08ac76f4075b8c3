using BlockUring.Bitmaps;
using BlockUring.Storage;

namespace BlockUring.Images.Qcow2;

/// <summary>
/// A log of the regions of the guest disk that may have been written since the bitmaps were stored. With it bitmaps outlive a crash: what the file
/// has of them, with all logged regions, is at least what they would have recorded. Images keep it that have an <see cref="IntentsExtension"/>.
/// </summary>
/// <remarks>
/// One bit a region, in the second half of the header's cluster; a bit is durable before the first write to its region. The log is only valid while
/// its autoclear bit is set: a writer without knowledge of it, QEMU for one, clears that bit, and then bitmaps in use are inconsistent as in any image.
/// Bitmaps that the file does not mark as in use do not need it. One thread only.
/// </remarks>
internal sealed class WriteIntents(Qcow2Image image)
{
    /// <summary>Smaller clusters have no room beside the header.</summary>
    private const int MinClusterLength = 8192;

    private const int SectorLength = 512;
    private const int MinRegionBits = 20;

    private readonly BlockFile file = image.File;
    private readonly RangeLock turn = new();
    private byte[] durable = [];
    private byte[] wanted = [];

    private int LogLength => image.Geometry.ClusterLength / 2;

    private bool IsActive => image.Header.HasIntents && image.Bitmaps.Stored.Count > 0;

    private int Shift => image.Header.Intents!.RegionBits;

    /// <summary>Whether the log has room in the image's clusters.</summary>
    public static bool FitsClusters(Qcow2Header header) => header.Geometry.ClusterLength >= MinClusterLength;

    /// <summary>How an image of that size would keep the log.</summary>
    /// <exception cref="BlockException">It cannot.</exception>
    public static IntentsExtension ExtensionFor(Qcow2Header header)
    {
        if (header.Version < 3)
            throw Qcow2Errors.Unsupported("Bitmaps that outlive a crash need compatibility level 1.1");
        if (!FitsClusters(header))
            throw Qcow2Errors.Unsupported($"Bitmaps that outlive a crash need clusters of at least {MinClusterLength} bytes");
        var bits = MinRegionBits;
        while (header.GuestLength >> bits >= header.Geometry.ClusterLength * 4L)
            bits++;
        return new IntentsExtension(bits);
    }

    /// <summary>Whether the range may be written: it is in the log, or there is no need for one.</summary>
    public bool Cover(long offset, long length) => !IsActive || IsIn(durable, offset, length);

    /// <summary>Enters a range that is about to be written, durably. The bitmaps are marked as in use already.</summary>
    /// <exception cref="BlockException">The log cannot be written; the range must not be.</exception>
    public async ValueTask DeclareAsync(long offset, long length)
    {
        if (Cover(offset, length))
            return;
        var (first, last) = Regions(offset, length);
        for (var region = first; region <= last; region++)
            wanted[region >> 3] |= (byte)(1 << (int)(region & 7));
        var held = await turn.AcquireAsync(0, 1);
        try
        {
            // Why: who has waited finds its regions in the log, with those of all who waited.
            if (!Cover(offset, length))
                await WriteAsync();
        }
        finally
        {
            turn.Release(held);
        }
    }

    /// <summary>Reads the log, where bitmaps depend on it that are in use; else what it holds is of an earlier time.</summary>
    public async ValueTask LoadAsync()
    {
        if (!image.Header.HasIntents || durable.Length > 0 || image.Bitmaps.Stored.All(b => !b.IsInUse))
            return;
        using var buffer = file.Buffers.Rent(LogLength);
        await file.ReadAsync(LogLength, buffer.Memory.Slice(0, LogLength));
        durable = buffer.Span[..LogLength].ToArray();
        wanted = [.. durable];
    }

    /// <summary>Empties the log, durably, before bitmaps are marked as in use of which none is yet.</summary>
    public async ValueTask RestartAsync()
    {
        if (!image.Header.HasIntents)
            return;
        using var buffer = file.Buffers.Rent(LogLength);
        buffer.Span.Clear();
        await file.WriteAsync(LogLength, buffer.Memory.Slice(0, LogLength));
        await file.FlushAsync();
        Forget();
    }

    /// <summary>The bitmaps were stored: what is in the log means nothing any more.</summary>
    public void Forget() => (durable, wanted) = (new byte[LogLength], new byte[LogLength]);

    /// <summary>Something is about to happen that the log cannot tell: it is invalid, durably, until the bitmaps are stored again.</summary>
    public async ValueTask InvalidateAsync()
    {
        if (!image.Header.HasIntents)
            return;
        var kept = image.Header.Autoclear & ~AutoclearFeatures.WriteIntents;
        await new Qcow2HeaderWriter(image).WriteAsync(Qcow2Header.AutoclearOffset, (ulong)kept);
        await file.FlushAsync();
        image.Header = image.Header with { Autoclear = kept };
    }

    /// <summary>Makes all chunks of a bitmap dirty that lie in regions of the log.</summary>
    public void AddTo(DirtyBitmap bitmap)
    {
        for (long region = 0; region << Shift < bitmap.Length; region++)
        {
            var start = region << Shift;
            if (IsIn(durable, start, 1))
                bitmap.Set(start, Math.Min(1L << Shift, bitmap.Length - start));
        }
    }

    private async ValueTask WriteAsync()
    {
        var log = wanted.ToArray();
        using var buffer = file.Buffers.Rent(LogLength);
        log.CopyTo(buffer.Span);
        for (var at = 0; at < log.Length; at += SectorLength)
        {
            var end = at;
            while (end < log.Length && !log.AsSpan(end, SectorLength).SequenceEqual(durable.AsSpan(end, SectorLength)))
                end += SectorLength;
            if (end > at)
                await file.WriteAsync(LogLength + at, buffer.Memory.Slice(at, end - at));
            at = end;
        }

        await file.FlushAsync();
        durable = log;
    }

    private bool IsIn(byte[] log, long offset, long length)
    {
        if (log.Length == 0)
            return false;
        var (first, last) = Regions(offset, length);
        for (var region = first; region <= last; region++)
        {
            if ((log[region >> 3] & (1 << (int)(region & 7))) == 0)
                return false;
        }

        return true;
    }

    // What lies behind the last region counts as that: the disk was made longer than the log can tell, by somebody else.
    private (long First, long Last) Regions(long offset, long length)
    {
        var most = (LogLength * 8L) - 1;
        return (Math.Min(offset >> Shift, most), Math.Min((offset + Math.Max(1, length) - 1) >> Shift, most));
    }
}
