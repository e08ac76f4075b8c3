using BlockUring.Native.Interop;
using BlockUring.Native.Memory;
using BlockUring.Storage;

namespace BlockUring.Images.Qcow2;

/// <summary>Opens an image: header, options, tables, data file, in the order in which QEMU would complain.</summary>
internal static class Qcow2Opener
{
    /// <summary>Reads and checks the header alone.</summary>
    public static async ValueTask<Qcow2Header> ReadHeaderAsync(BlockFile file, bool forCheck = false)
    {
        using var head = file.Buffers.Rent(BufferPool.Alignment);
        await file.ReadAsync(0, head.Memory);
        var needed = Qcow2HeaderParser.NeededLength(head.Span);
        if (needed <= head.Length)
            return Qcow2HeaderParser.Parse(head.Span, forCheck);
        using var cluster = file.Buffers.Rent(needed);
        await file.ReadAsync(0, cluster.Memory);
        return Qcow2HeaderParser.Parse(cluster.Span, forCheck);
    }

    /// <summary>Opens an image.</summary>
    public static async ValueTask<Qcow2Image> OpenAsync(OpenContext context)
    {
        var file = context.File;
        var header = await ReadHeaderAsync(file, context.ForCheck);
        if (header.IsCorrupt && !context.FileOptions.ReadOnly && !context.ForCheck)
            throw new BlockException(BlockErrorKind.Access, "qcow2: Image is corrupt; cannot be opened read/write", Errno.EACCES);

        var geometry = header.Geometry;
        var l1 = await L1Table.ReadAsync(file, header.L1Offset, header.L1Count);
        var options = Qcow2OpenOptions.Take(context.Options, header, geometry);
        geometry = new Qcow2Geometry(header.ClusterBits, header.HasSubclusters, header.RefcountOrder, options.Caches.EntryLength);
        WarnOfStaleBitmaps(header, context);
        var encryption = await Qcow2Encryption.OpenAsync(context, header, options.KeySecret);
        BlockFile? dataFile = null;
        try
        {
            dataFile = await OpenDataFileAsync(context, options, header);
            var snapshots = await SnapshotTable.ReadAsync(file, header);
            var bitmaps = await BitmapDirectory.ReadAsync(file, header, header.GuestLength & ~511L);
            if (context.ForCheck)
                await new BitmapTables(file, geometry).DemandLoadableAsync(bitmaps, header.GuestLength & ~511L);
            var parts = new Qcow2Parts(
                file, dataFile, header, geometry, l1, snapshots, bitmaps, encryption, options.Caches, options.OverlapChecks);
            var image = new Qcow2Image(parts);
            if (header.IsDirty && !context.FileOptions.ReadOnly && !context.ForCheck)
                await DirtyImage.RepairAsync(image, context.Warn);
            return image;
        }
        catch
        {
            encryption?.Dispose();
            if (dataFile != null)
                await dataFile.DisposeAsync();
            throw;
        }
    }

    private static void WarnOfStaleBitmaps(Qcow2Header header, OpenContext context)
    {
        if (!header.HasStaleBitmaps)
            return;
        var reason = header.Version < 3
            ? "This qcow2 v2 image contains bitmaps, but they may have been modified by a program without persistent bitmap support; " +
              "so now they must all be considered inconsistent"
            : "a program lacking bitmap support modified this file, so all bitmaps are now considered inconsistent";
        context.Warn($"{reason}\nSome clusters may be leaked, run 'qemu-img check -r' on the image file to fix.");
    }

    private static async ValueTask<BlockFile?> OpenDataFileAsync(OpenContext context, Qcow2OpenOptions options, Qcow2Header header)
    {
        if (!header.HasDataFile)
        {
            if (options.DataFileName != null)
                throw Qcow2Errors.Invalid("'data-file' can only be set for images with an external data file");
            return header.HasRawDataFile ? throw Qcow2Errors.Invalid("data-file-raw requires a data file") : null;
        }

        if (context.MetadataOnly)
            return null;
        if (options.DataFileName is { } given)
            return await OpenAsync(context, given);
        if (header.DataFileName is not { Length: > 0 } stored)
            throw Qcow2Errors.Invalid("'data-file' is required for this image");
        // Why: unlike a backing file, QEMU takes a relative name from the process's directory, not from the image's.
        context.Gate.Demand(stored, context.File.Path);
        return await OpenAsync(context, stored);
    }

    private static ValueTask<BlockFile> OpenAsync(OpenContext context, string name) =>
        context.Host.OpenAsync(name.StartsWith("file:", StringComparison.Ordinal) ? name[5..] : name, context.FileOptions);
}
