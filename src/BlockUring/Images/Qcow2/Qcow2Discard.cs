namespace BlockUring.Images.Qcow2;

/// <summary>
/// Takes whole clusters away from the guest. As in QEMU they read as zeroes afterwards: as zero clusters from version 3 on, unallocated before; a
/// version 2 image with a backing file keeps them, for the backing file would show through.
/// </summary>
/// <remarks>The clusters are free after the next flush, which discards them in the file too where the image passes that on.</remarks>
internal readonly struct Qcow2Discard(Qcow2Image image, Qcow2Writer writer)
{
    /// <summary>Discards the whole clusters of a range; a last one that the guest's end cuts counts as whole.</summary>
    public async ValueTask RunAsync(long guestOffset, long length)
    {
        var geometry = image.Geometry;
        var start = geometry.RoundUpToCluster(guestOffset);
        var stop = guestOffset + length;
        var end = stop == image.Length ? geometry.RoundUpToCluster(stop) : stop & -(long)geometry.ClusterLength;
        if (start >= end || (image.Header.Version < 3 && !writer.UnallocatedReadsAsZero))
            return;
        await writer.PrepareAsync();
        if (!image.Header.HasRawDataFile)
            await DiscardEntriesAsync(start, end);

        // Why here: clusters of a data file are where they are, and a write that comes next uses them again.
        if (!image.PassesDiscards || image.DataFile == image.File)
            return;

        // Why: until the tables say that there are zeroes, the power may go, and what is left of an encrypted cluster would show as noise.
        if (image.IsEncrypted)
            await writer.FlushAsync();
        await image.DataFile.DiscardAsync(start, Math.Min(end, image.Length) - start);
    }

    private async ValueTask DiscardEntriesAsync(long start, long end)
    {
        var geometry = image.Geometry;
        while (start < end)
        {
            var index = geometry.L1Index(start);
            if (image.L1.L2Offset(index) == 0 && writer.UnallocatedReadsAsZero)
            {
                start = (index + image.L1.CountEmpty(index, geometry.L1Index(end - 1) - index + 1)) << geometry.L1Shift;
                continue;
            }

            await writer.PrepareAsync();
            var slice = await writer.GetSliceAsync(start);
            var first = geometry.SliceIndex(start);
            var count = (int)Math.Min(geometry.SliceEntryCount - first, (end - start) >> geometry.ClusterBits);
            for (var i = first; i < first + count; i++)
                DiscardEntry(slice, i);
            slice.Unpin();
            start += (long)count << geometry.ClusterBits;
        }
    }

    private void DiscardEntry(CachedTable slice, int index)
    {
        var hasSubclusters = image.Geometry.HasSubclusters;
        var old = new L2Slice(slice.Span, hasSubclusters)[index];
        var isAllocated = old.IsCompressed || old.HasHostCluster(image.Header.HasDataFile, hasSubclusters);
        if (!isAllocated && writer.UnallocatedReadsAsZero)
            return;
        var entry = image.Header.Version < 3 ? default : L2Entry.ForZeroes(0, hasSubclusters);
        if (entry != old)
            writer.SetEntry(slice, index, entry, image.PassesDiscards);
    }
}
