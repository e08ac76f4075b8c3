using System.Text;
using BlockUring.Bitmaps;
using BlockUring.Native.Interop;
using BlockUring.Storage;

namespace BlockUring.Images.Qcow2;

/// <summary>
/// The persistent bitmaps of an open image (specification: "Bitmaps extension"). What the file holds is either right or marked as in use: the mark is
/// durable before the first change of the image, and goes with the storing, which puts new clusters in place of the old ones by one write of the
/// header.
/// </summary>
/// <remarks>
/// One thread only. Better than QEMU, which marks bitmaps when it opens an image: one that is only read loses none by a crash.
/// </remarks>
internal sealed class Qcow2Bitmaps(Qcow2Image image, IReadOnlyList<Qcow2BitmapInfo> stored)
{
    private const int WriteLength = 64 << 10;

    private readonly BlockFile file = image.File;
    private readonly Qcow2Geometry geometry = image.Geometry;

    /// <summary>What the bitmap directory in the file lists.</summary>
    public IReadOnlyList<Qcow2BitmapInfo> Stored { get; private set; } = stored;

    /// <summary>Adds the bitmaps of the file to a node's list; those in use are inconsistent.</summary>
    /// <exception cref="BlockException">One cannot be loaded; none is in the list then.</exception>
    public async ValueTask LoadAsync(DirtyBitmapList list, bool isWritable)
    {
        await image.Intents.LoadAsync();
        var added = new List<DirtyBitmap>();
        try
        {
            foreach (var info in Stored)
            {
                var bitmap = new DirtyBitmap(info.Name, image.Length, info.Granularity) { IsPersistent = true };
                list.Add(bitmap);
                added.Add(bitmap);
                bitmap.IsInconsistent = !await TryReadAsync(info, bitmap);
                if (bitmap.IsInconsistent || !info.IsAuto)
                    bitmap.Disable();
                bitmap.IsReadOnly = !bitmap.IsInconsistent && !isWritable;
                bitmap.IsStored = !info.IsInUse;
            }
        }
        catch
        {
            foreach (var bitmap in added)
                list.Remove(bitmap);
            throw;
        }
    }

    // One that was in use when the image was not closed is as good as the log of write intents makes it.
    private async ValueTask<bool> TryReadAsync(Qcow2BitmapInfo info, DirtyBitmap bitmap)
    {
        var tables = new BitmapTables(file, geometry);
        if (!info.IsInUse)
        {
            await tables.LoadAsync(info, bitmap);
            return true;
        }

        if (!image.Header.HasIntents)
            return false;
        try
        {
            await tables.LoadAsync(info, bitmap);
        }
        catch (BlockException)
        {
            bitmap.Clear();
            return false;
        }

        image.Intents.AddTo(bitmap);
        return true;
    }

    /// <summary>Marks what is not marked as in use yet: the file's bitmaps are about to be outdated. Does not flush.</summary>
    /// <returns>Whether there was anything to mark.</returns>
    public async ValueTask<bool> MarkInUseAsync()
    {
        if (image.Header.Bitmaps is not { } directory || Stored.All(b => b.IsInUse))
            return false;
        if (Stored.Any(b => b.IsInUse))
            await image.Intents.LoadAsync();
        else
            await image.Intents.RestartAsync();
        var marked = Stored.Select(b => b with { IsInUse = true }).ToList();

        // Why in place: nothing but flags changes, each in one sector, and whichever of them a power cut leaves is right.
        await WriteAsync(directory.DirectoryOffset, BitmapDirectory.Serialize(marked));
        Stored = marked;
        return true;
    }

    /// <summary>From now on the image keeps a log of write intents, by which the bitmaps outlive a crash. Durable.</summary>
    /// <exception cref="BlockException">It cannot.</exception>
    public async ValueTask KeepThroughCrashesAsync()
    {
        if (image.Header.Intents != null)
            return;
        var extension = WriteIntents.ExtensionFor(image.Header);
        var order = (await image.WriterAsync()).Order;
        await order.PrepareAsync();
        await order.ChangeHeaderAsync(header => header with { Intents = extension }, (writer, header) => writer.RewriteAsync(header));
    }

    /// <summary>Refuses a new persistent bitmap that could not be stored.</summary>
    /// <param name="others">All of the node.</param>
    /// <param name="name">Its name.</param>
    /// <param name="granularity">See <see cref="DirtyBitmap.IsGranularity"/>.</param>
    /// <exception cref="BlockException">Why, in QEMU's words.</exception>
    public void DemandStorable(DirtyBitmapList others, string name, long granularity)
    {
        if (image.Header.Version < 3)
            throw Qcow2Errors.Unsupported("Cannot store dirty bitmaps in qcow2 v2 files");
        DemandFits(image.Length, granularity);
        if (Encoding.UTF8.GetByteCount(name) > Qcow2Limits.MaxBitmapNameBytes)
            throw Qcow2Errors.Invalid($"Name length exceeds maximum ({Qcow2Limits.MaxBitmapNameBytes} characters)");
        var names = others.Where(b => b.IsPersistent).Select(b => b.Name!).Append(name).ToList();
        if (names.Count > Qcow2Limits.MaxBitmaps)
            throw Qcow2Errors.Invalid("Maximum number of persistent bitmaps is already reached");
        if (names.Sum(n => BitmapDirectory.EntryLength(new(n, granularity, false, false))) > Qcow2Limits.MaxBitmapDirectoryBytes)
            throw Qcow2Errors.Invalid("Not enough space in the bitmap directory");
    }

    /// <summary>Refuses a length of the disk with which the bitmaps could not be stored or used any more.</summary>
    /// <exception cref="BlockException">Why.</exception>
    public void DemandResizable(DirtyBitmapList list, long newLength)
    {
        foreach (var bitmap in list.Where(b => b.IsPersistent))
        {
            bitmap.Demand(BitmapDemands.All);
            DemandFits(newLength, bitmap.Granularity);
        }
    }

    /// <summary>
    /// Stores the persistent bitmaps of a list, and takes the mark from them, durably. No write runs meanwhile. Bitmaps that the file holds already,
    /// and read-only ones, cost nothing.
    /// </summary>
    /// <exception cref="BlockException">Why not: then the file's bitmaps are as they were, marked as in use if anything changed.</exception>
    public async ValueTask StoreAsync(DirtyBitmapList list)
    {
        // Why the newest first: that is the order in which QEMU adds them.
        var toStore = list.Reverse().Where(b => b is { IsPersistent: true, IsInconsistent: false, IsReadOnly: false, SkipsStore: false }).ToList();
        if (!toStore.Any(IsOutdated))
            return;
        var order = (await image.WriterAsync()).Order;
        await order.PrepareAsync();
        var rewrite = new BitmapRewrite(image, order);
        try
        {
            var entries = Stored.ToList();
            foreach (var bitmap in toStore)
            {
                DemandStorable(bitmap);
                var index = entries.FindIndex(b => b.Name == bitmap.Name);
                var old = index < 0 ? null : entries[index];
                var entry = old != null && bitmap.IsStored ? old with { IsInUse = false } : await rewrite.WriteAsync(bitmap, old);
                entry = entry with { IsAuto = bitmap.IsEnabled };
                if (index < 0)
                    entries.Add(entry);
                else
                    entries[index] = entry;
            }

            await rewrite.PublishAsync(entries);
            Stored = entries;
            if (entries.All(b => !b.IsInUse))
                image.Intents.Forget();
        }
        catch
        {
            rewrite.Abandon();
            throw;
        }

        foreach (var bitmap in toStore)
            bitmap.IsStored = true;

        // Why before what can fail: a change from now on makes the file's bitmaps outdated.
        order.ForgetPreparation();
        await rewrite.ReleaseOldAsync();
    }

    /// <summary>Takes a bitmap out of the file, durably; none of that name is no error.</summary>
    public async ValueTask RemoveAsync(string name)
    {
        var entries = Stored.Where(b => b.Name != name).ToList();
        if (entries.Count == Stored.Count)
            return;
        if (file.IsReadOnly)
            throw BlockException.FromErrno(Errno.EACCES, "Failed to update bitmap extension of", file.Path);
        var order = (await image.WriterAsync()).Order;
        await order.PrepareAsync();
        entries = [.. Stored.Where(b => b.Name != name)];
        var rewrite = new BitmapRewrite(image, order);
        try
        {
            foreach (var removed in Stored.Where(b => b.Name == name))
                await rewrite.ReplaceAsync(removed);
            await rewrite.PublishAsync(entries);
            Stored = entries;
        }
        catch
        {
            rewrite.Abandon();
            throw;
        }

        await rewrite.ReleaseOldAsync();
    }

    /// <summary>Writes bytes anywhere, in parts.</summary>
    internal async ValueTask WriteAsync(long hostOffset, ReadOnlyMemory<byte> bytes)
    {
        using var buffer = file.Buffers.Rent(Math.Clamp(bytes.Length, 1, WriteLength));
        for (var done = 0; done < bytes.Length;)
        {
            var part = Math.Min(buffer.Length, bytes.Length - done);
            bytes.Span.Slice(done, part).CopyTo(buffer.Span);
            await file.WriteAsync(hostOffset + done, buffer.Memory.Slice(0, part));
            done += part;
        }
    }

    private bool IsOutdated(DirtyBitmap bitmap) =>
        !bitmap.IsStored || Stored.All(b => b.Name != bitmap.Name || b.IsInUse || b.IsAuto != bitmap.IsEnabled);

    private void DemandStorable(DirtyBitmap bitmap)
    {
        try
        {
            DemandFits(bitmap.Length, bitmap.Granularity);
        }
        catch (BlockException e)
        {
            throw Qcow2Errors.Invalid($"Bitmap '{bitmap.Name}' doesn't satisfy the constraints: {e.Message}");
        }
    }

    private void DemandFits(long length, long granularity)
    {
        if (length == 0)
            throw Qcow2Errors.Invalid("The disk is empty");
        var bytes = BitmapTables.BytesFor(granularity, length);
        if (bytes > BitmapDirectory.MaxBitmapBytes || geometry.ClustersFor(bytes) > BitmapDirectory.MaxTableEntries)
            throw Qcow2Errors.Invalid("Too much space will be occupied by the bitmap. Use larger granularity");
    }
}
