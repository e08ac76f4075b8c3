using BlockUring.Native.Codecs;
using BlockUring.Native.Interop;
using BlockUring.Storage;

namespace BlockUring.Images.Qcow2;

/// <summary>Changes options of an image that exists, in QEMU's order: version 3 first, since others need it, version 2 last.</summary>
/// <remarks>
/// Nothing else runs. Better than QEMU, all is refused before anything is changed, but for what only the change itself can tell; and each step is
/// one write of the header's first sector, so that a power cut leaves the image before or after a step.
/// </remarks>
internal sealed class Qcow2Amend(Qcow2Image image, AmendRequest request)
{
    private readonly Qcow2AmendOptions options = Qcow2AmendOptions.Parse(request, image.Header);

    /// <summary>Makes the changes.</summary>
    /// <exception cref="BlockException">One is not possible, in QEMU's words.</exception>
    public async ValueTask RunAsync()
    {
        var isDowngrade = options.Version < image.Header.Version;
        if (isDowngrade)
            await DemandDowngradeAsync();
        if (options.Length is { } wanted)
            Qcow2Resize.DemandPossible(image, wanted, PreallocationMode.Off, false);
        await (await image.WriterAsync()).PrepareAsync();
        if (options.Version > image.Header.Version)
            await UpgradeAsync();
        if (options.Keys != null)
            await image.AmendKeysAsync(options.Keys);
        request.Progress(20);
        if (options.RefcountOrder != image.Header.RefcountOrder)
            await new RefcountWidth(image, options.RefcountOrder).RunAsync();
        request.Progress(50);
        await ChangeFieldsAsync();
        if (options.Length is { } length)
            await request.ResizeAsync(length);
        request.Progress(60);
        if (isDowngrade)
            await DowngradeAsync();
    }

    private async ValueTask UpgradeAsync()
    {
        var header = image.Header;
        if (image.Snapshots.Any(s => s.ExtraLength < Qcow2Snapshot.RequiredExtraLength))
        {
            var content = await SnapshotTable.ReadAsync(image.File, header.SnapshotTableOffset, header.SnapshotCount, header.GuestLength & ~511L);
            var entries = await SnapshotTable.ReadRepairedAsync(image.File, header.SnapshotTableOffset, content.Snapshots);
            await SnapshotTableRewrite.RunAsync(
                image, (await image.WriterAsync()).Order, entries, header.SnapshotTableOffset, content.Length);
        }

        await RewriteAsync(h => h with { Version = 3, RefcountOrder = 4 });
    }

    private async ValueTask ChangeFieldsAsync()
    {
        var changed = Changed(image.Header);
        if (changed != image.Header)
            await RewriteAsync(Changed);
    }

    private Qcow2Header Changed(Qcow2Header header)
    {
        if (options.DataFile is { } name)
            header = header with { DataFileName = name == "" ? null : name };
        if (options.DataFileRaw == false)
            header = header with { Autoclear = header.Autoclear & ~AutoclearFeatures.RawDataFile };
        return options.LazyRefcounts switch
        {
            true => header with { Compatible = header.Compatible | CompatibleFeatures.LazyRefcounts },
            false => header with { Compatible = header.Compatible & ~CompatibleFeatures.LazyRefcounts },
            null => header,
        };
    }

    private async ValueTask RewriteAsync(Func<Qcow2Header, Qcow2Header> change)
    {
        try
        {
            await (await image.WriterAsync()).Order.ChangeHeaderAsync(change, (file, header) => file.RewriteAsync(header));
        }
        catch (BlockException e)
        {
            throw new BlockException(e.Kind, $"Failed to update the image header: {Errno.Message(e.ErrorNumber)}", e.ErrorNumber, e);
        }
    }

    private async ValueTask DemandDowngradeAsync()
    {
        var header = image.Header;
        if (options.RefcountOrder != 4)
            throw Qcow2Errors.Unsupported("compat=0.10 requires refcount_bits=16");
        if (header.HasDataFile)
            throw Qcow2Errors.Unsupported("Cannot downgrade an image with a data file");
        var length = options.Length ?? image.Length;
        if (image.Snapshots.Any(s => s.VmStateLength > uint.MaxValue || s.GuestLength != length))
            throw Qcow2Errors.Unsupported("Internal snapshots prevent downgrade of image");
        var features = header.Incompatible & ~(IncompatibleFeatures.Compression | IncompatibleFeatures.Dirty);
        if (features != 0)
            throw Qcow2Errors.Unsupported($"Cannot downgrade an image with incompatible features 0x{(ulong)features:x} set");
        await DemandTablesAsync();
    }

    private async ValueTask DemandTablesAsync()
    {
        var isZlib = image.Header.Compression == CompressionType.Zlib;
        var expansion = new ZeroExpansion(image);
        var hasCompressed = !isZlib && (await expansion.LookAsync(image.L1)).HasCompressed;
        foreach (var snapshot in image.Snapshots)
        {
            var found = await expansion.LookAsync(await L1Table.ReadAsync(image.File, (long)snapshot.L1Offset, (int)snapshot.L1Count));
            hasCompressed |= found.HasCompressed;
            if (found.HasZero)
            {
                throw Qcow2Errors.Unsupported(
                    $"Failed to turn zero into data clusters: those of the internal snapshot '{snapshot.Name}' are shared with it; delete it first");
            }
        }

        if (!isZlib && hasCompressed)
            throw Qcow2Errors.Unsupported("Cannot downgrade an image with zstd compression type and existing compressed clusters");
    }

    // Why the bitmaps first: version 2 has none, and their clusters would be lost.
    private async ValueTask DowngradeAsync()
    {
        foreach (var bitmap in image.Bitmaps.Stored.ToList())
            await image.Bitmaps.RemoveAsync(bitmap.Name);
        await new ZeroExpansion(image).RunAsync();
        request.Progress(90);
        await RewriteAsync(header => header with
        {
            Version = 2,
            Incompatible = IncompatibleFeatures.None,
            Compatible = 0,
            Autoclear = 0,
            Compression = CompressionType.Zlib,
            UnknownFields = [],
        });
    }
}
