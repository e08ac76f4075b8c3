namespace BlockUring.Images.Qcow2;

/// <summary>
/// Takes zero clusters, which version 2 does not have, out of an image: where no backing file shows, they become unallocated, elsewhere clusters
/// full of zeroes.
/// </summary>
/// <remarks>Nothing else runs. The guest sees no difference at any instant.</remarks>
internal sealed class ZeroExpansion(Qcow2Image image)
{
    private readonly Qcow2Geometry geometry = image.Geometry;

    /// <summary>Whether a table holds zero clusters, or compressed ones.</summary>
    /// <param name="l1">The table.</param>
    public async ValueTask<(bool HasZero, bool HasCompressed)> LookAsync(L1Table l1)
    {
        var (hasZero, hasCompressed) = (false, false);
        using var buffer = image.File.Buffers.Rent(geometry.ClusterLength);
        for (var i = 0; i < l1.Count; i++)
        {
            if (l1.L2Offset(i) == 0)
                continue;
            await image.File.ReadAsync(l1.L2Offset(i), buffer.Memory);
            Look(new L2Slice(buffer.Span[..geometry.ClusterLength], false), ref hasZero, ref hasCompressed);
        }

        return (hasZero, hasCompressed);
    }

    /// <summary>Expands those of the active disk.</summary>
    public async ValueTask RunAsync()
    {
        for (var index = 0L; index < image.L1.Count; index++)
        {
            if (image.L1.L2Offset(index) == 0)
                continue;
            var end = (index + 1) << geometry.L1Shift;
            for (var at = index << geometry.L1Shift; at < end; at += (long)geometry.SliceEntryCount << geometry.ClusterBits)
                await ExpandAsync(at);
        }
    }

    private static void Look(L2Slice entries, ref bool hasZero, ref bool hasCompressed)
    {
        for (var i = 0; i < entries.Count; i++)
        {
            hasCompressed |= entries[i].IsCompressed;
            hasZero |= IsZero(entries[i]);
        }
    }

    private static bool IsZero(L2Entry entry) => !entry.IsCompressed && (entry.Descriptor & L2Entry.ZeroFlag) != 0;

    // The clusters of one slice of a table; its first guest offset is given.
    private async ValueTask ExpandAsync(long start)
    {
        var writer = await image.WriterAsync();
        await writer.PrepareAsync();
        foreach (var index in await FindAsync(writer, start))
        {
            var at = start + ((long)index << geometry.ClusterBits);
            if (writer.UnallocatedReadsAsZero)
                await ClearAsync(writer, at, index);
            else
                await FillAsync(writer, at);
        }
    }

    private async ValueTask<List<int>> FindAsync(Qcow2Writer writer, long start)
    {
        var found = new List<int>();
        var slice = await image.L2Cache.GetAsync(image.L1.L2Offset(geometry.L1Index(start)) + geometry.SliceStart(start));
        var entries = new L2Slice(slice.Span, false);
        for (var i = 0; i < entries.Count; i++)
        {
            if (IsZero(entries[i]))
                found.Add(i);
        }

        slice.Unpin();
        return found;
    }

    private static async ValueTask ClearAsync(Qcow2Writer writer, long guestOffset, int index)
    {
        var slice = await writer.GetSliceAsync(guestOffset);
        writer.SetEntry(slice, index, default);
        slice.Unpin();
    }

    private async ValueTask FillAsync(Qcow2Writer writer, long guestOffset)
    {
        var reservation = await writer.ReserveAsync(guestOffset, geometry.ClusterLength);
        try
        {
            await reservation.File.WriteZeroesAsync(reservation.HostOffset, geometry.ClusterLength, mayUnmap: false);
        }
        catch
        {
            reservation.Abandon();
            throw;
        }

        await reservation.PublishAsync();
    }
}
