using System.Buffers.Binary;
using BlockUring.Bitmaps;
using BlockUring.Storage;

namespace BlockUring.Images.Qcow2;

/// <summary>
/// One change of the bitmap directory: everything new goes to new clusters; when those are durable, with their refcounts, the header points to the new
/// directory; then what it replaces is free.
/// </summary>
internal sealed class BitmapRewrite(Qcow2Image image, MetadataOrder order)
{
    private readonly BlockFile file = image.File;
    private readonly Qcow2Geometry geometry = image.Geometry;
    private readonly BitmapTables tables = new(image.File, image.Geometry);
    private readonly List<ClusterRun> taken = [];
    private readonly List<ClusterRun> replaced = [];
    private bool isUndecided;

    /// <summary>Writes a bitmap's bits and table.</summary>
    /// <param name="bitmap">Not changed meanwhile.</param>
    /// <param name="old">What it replaces in the file, if anything.</param>
    /// <returns>Its entry for the directory, without flags.</returns>
    public async ValueTask<Qcow2BitmapInfo> WriteAsync(DirtyBitmap bitmap, Qcow2BitmapInfo? old)
    {
        if (old != null)
            await ReplaceAsync(old);
        var table = new byte[geometry.ClustersFor(BitmapTables.BytesFor(bitmap.Granularity, bitmap.Length)) * BitmapTables.EntryLength];
        await WriteBitsAsync(bitmap, table);
        var run = await TakeAsync(table.Length);
        await image.Bitmaps.WriteAsync(run.HostOffset, table);
        return new Qcow2BitmapInfo(bitmap.Name!, bitmap.Granularity, false, false)
        {
            RawName = old?.RawName,
            TableOffset = (ulong)run.HostOffset,
            TableCount = (uint)(table.Length / BitmapTables.EntryLength),
        };
    }

    /// <summary>Notes that a bitmap's clusters are not needed afterwards.</summary>
    public async ValueTask ReplaceAsync(Qcow2BitmapInfo old)
    {
        var clusters = new List<long>();
        try
        {
            if (!await tables.AreValidAsync(old))
                return;
            await tables.ForEachAsync(old, clusters.Add);
        }
        catch (BlockException)
        {
            // What a broken table points to cannot be trusted: it is left as a leak.
            return;
        }

        replaced.Add(new ClusterRun((long)old.TableOffset, (int)geometry.ClustersFor((long)old.TableCount * BitmapTables.EntryLength), false));
        replaced.AddRange(clusters.Select(offset => new ClusterRun(offset, 1, false)));
    }

    /// <summary>Writes the directory and makes the header point to it, durably.</summary>
    public async ValueTask PublishAsync(IReadOnlyList<Qcow2BitmapInfo> entries)
    {
        BitmapsExtension? extension = null;
        if (entries.Count > Qcow2Limits.MaxBitmaps)
            throw Qcow2Errors.Invalid("Too many persistent bitmaps");
        if (entries.Count > 0)
        {
            var directory = BitmapDirectory.Serialize(entries);
            if (directory.Length > Qcow2Limits.MaxBitmapDirectoryBytes)
                throw Qcow2Errors.Invalid("Bitmap directory is too large");
            var run = await TakeAsync(directory.Length);
            await image.Bitmaps.WriteAsync(run.HostOffset, directory);
            extension = new BitmapsExtension(entries.Count, directory.Length, run.HostOffset);
        }

        if (image.Header.Bitmaps is { } old)
            replaced.Add(new ClusterRun(old.DirectoryOffset, (int)geometry.ClustersFor(old.DirectoryLength), false));
        order.NoteTableChange();
        await order.ChangeHeaderAsync(header => WithBitmaps(header, extension, entries), async (file, header) =>
        {
            try
            {
                await file.RewriteAsync(header);
            }
            finally
            {
                isUndecided = file.IsUndecided;
            }
        });
        taken.Clear();
    }

    /// <summary>Frees what was replaced.</summary>
    public async ValueTask ReleaseOldAsync()
    {
        foreach (var (hostOffset, count, _) in replaced)
            order.Release(hostOffset, count);
        await order.WriteOutAsync(isComplete: false);
    }

    /// <summary>Gives back what was taken, unless the header may point to it.</summary>
    public void Abandon()
    {
        if (isUndecided)
            return;
        foreach (var (hostOffset, count, _) in taken)
            order.Release(hostOffset, count);
    }

    private static Qcow2Header WithBitmaps(Qcow2Header header, BitmapsExtension? extension, IReadOnlyList<Qcow2BitmapInfo> entries) => header with
    {
        Bitmaps = extension,
        HasStaleBitmaps = false,
        Autoclear = (extension == null ? header.Autoclear & ~AutoclearFeatures.Bitmaps : header.Autoclear | AutoclearFeatures.Bitmaps)
            | (header.Intents != null && entries.All(b => !b.IsInUse) ? AutoclearFeatures.WriteIntents : 0),
    };

    private async ValueTask WriteBitsAsync(DirtyBitmap bitmap, byte[] table)
    {
        using var buffer = file.Buffers.Rent(geometry.ClusterLength);
        var chunkCount = geometry.ClusterLength * 8L;
        var span = chunkCount * bitmap.Granularity;
        for (var at = bitmap.NextDirty(0, bitmap.Length); at >= 0;)
        {
            var index = at / span;
            var (start, end) = (index * span, (index + 1) * span);

            // Why not for the last cluster, where it is not whole: some readers would take the bits behind the end for dirty chunks.
            var isWhole = end <= bitmap.Length && at == start && bitmap.NextClean(start, end) < 0;
            var entry = BitmapTables.OnesFlag;
            if (!isWhole)
            {
                bitmap.ReadBits(index * chunkCount, buffer.Span);
                var run = await TakeAsync(geometry.ClusterLength);
                await file.WriteAsync(run.HostOffset, buffer.Memory);
                entry = (ulong)run.HostOffset;
            }

            BinaryPrimitives.WriteUInt64BigEndian(table.AsSpan((int)index * BitmapTables.EntryLength), entry);
            at = end < bitmap.Length ? bitmap.NextDirty(end, bitmap.Length) : -1;
        }
    }

    private async ValueTask<ClusterRun> TakeAsync(long length)
    {
        var count = (int)geometry.ClustersFor(length);
        var run = count == 1 ? await order.Allocator.AllocateAsync(1) : await order.Allocator.AllocateRowAsync(count);
        taken.Add(run);
        await order.Growth.GrowAsync();
        return run;
    }
}
