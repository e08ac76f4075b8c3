namespace BlockUring.Images.Qcow2;

/// <summary>Puts a snapshot table at another place, and then the old one's clusters back. A power cut leaves one of the two, and leaks at most.</summary>
internal static class SnapshotTableRewrite
{
    /// <summary>Writes the table, durably.</summary>
    /// <param name="image">Not written to meanwhile.</param>
    /// <param name="order">Of a writer of it.</param>
    /// <param name="entries">With their padding.</param>
    /// <param name="oldOffset">Host offset of the old table.</param>
    /// <param name="oldLength">Its length in bytes.</param>
    /// <returns>Host offset of the new table.</returns>
    public static async ValueTask<long> RunAsync(
        Qcow2Image image, MetadataOrder order, IReadOnlyList<byte[]> entries, long oldOffset, long oldLength)
    {
        var table = entries.SelectMany(e => e).ToArray();
        var run = await order.Allocator.AllocateRowAsync((int)image.Geometry.ClustersFor(table.Length));
        try
        {
            await order.Growth.GrowAsync();
            await image.Bitmaps.WriteAsync(run.HostOffset, table);
        }
        catch
        {
            order.Release(run.HostOffset, run.Count);
            throw;
        }

        order.NoteTableChange();
        await order.ChangeHeaderAsync(
            header => header with { SnapshotCount = entries.Count, SnapshotTableOffset = run.HostOffset },
            async (header, _) =>
            {
                await header.WriteSnapshotTableAsync(entries.Count, run.HostOffset);
                await image.File.FlushAsync();
            });
        order.Release(oldOffset, image.Geometry.ClustersFor(oldLength));
        await order.WriteOutAsync(isComplete: true);
        return run.HostOffset;
    }
}
