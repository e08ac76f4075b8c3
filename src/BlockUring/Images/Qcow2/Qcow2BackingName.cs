using System.Text;
using BlockUring.Native.Interop;
using BlockUring.Native.Memory;
using BlockUring.Storage;

namespace BlockUring.Images.Qcow2;

/// <summary>Writes another backing file's name into the header, with its extensions: the first cluster anew.</summary>
/// <remarks>
/// No write runs meanwhile. Power loss at any point leaves the old name or the new one: only the write of the first sector, which a disk does whole
/// or not at all, makes the header another one. For that the header, with the name, has to fit that sector: the names of the features, which only
/// messages need, are left out, and put back at last.
/// </remarks>
internal readonly struct Qcow2BackingName(Qcow2Image image, Qcow2Writer writer)
{
    private const int SectorLength = 512;

    public async ValueTask SetAsync(string? name, string? format)
    {
        if (name != null && Encoding.UTF8.GetByteCount(name) > Qcow2Limits.MaxBackingNameBytes)
            throw Failure(name, Errno.EINVAL);
        await writer.PrepareAsync();
        await writer.FlushAsync();
        var changed = image.Header with { BackingFileName = name, BackingFormat = name == null ? null : format };
        using var full = image.File.Buffers.Rent(image.Geometry.ClusterLength);
        if (!Qcow2HeaderSerializer.TrySerialize(changed, full.Span))
            throw Failure(name, Errno.ENOSPC);
        using var small = image.File.Buffers.Rent(image.Geometry.ClusterLength);
        var fits = await TryPlaceNameAsync(changed, full, small);
        await ReplaceAsync(fits ? small : full, fits ? SectorLength : full.Length);
        image.Header = changed;
        if (fits)
            await CompleteAsync(changed, full);
    }

    // Prepares a header of one sector; a name that has no room there goes to where neither the old header nor the final one has anything.
    private async ValueTask<bool> TryPlaceNameAsync(Qcow2Header changed, IoBuffer full, IoBuffer small)
    {
        if (!Qcow2HeaderSerializer.TrySerialize(changed, small.Span, false, 0, out var end) || end > SectorLength)
            return false;
        var nameLength = changed.BackingFileName == null ? 0 : Encoding.UTF8.GetByteCount(changed.BackingFileName);
        if (end + nameLength <= SectorLength)
            return true;
        var place = (Math.Max(UsedLength(full.Span), await OldLengthAsync(small)) + SectorLength - 1) & -SectorLength;
        if (place + nameLength > small.Length
            || !Qcow2HeaderSerializer.TrySerialize(changed, small.Span, false, place, out _)
            || !Qcow2HeaderSerializer.TrySerialize(changed, full.Span, true, place, out _))
        {
            return false;
        }

        var room = Math.Min(small.Length - place, (nameLength + SectorLength - 1) & -SectorLength);
        await image.File.WriteAsync(place, small.Memory.Slice(place, room));
        await image.File.FlushAsync();
        return true;
    }

    private async ValueTask<int> OldLengthAsync(IoBuffer buffer)
    {
        await image.File.ReadAsync(0, buffer.Memory);
        return UsedLength(buffer.Span);
    }

    private async ValueTask ReplaceAsync(IoBuffer header, int length)
    {
        using var before = image.File.Buffers.Rent(length);
        await image.File.ReadAsync(0, before.Memory);
        try
        {
            await image.File.WriteAsync(0, header.Memory.Slice(0, length));
            await image.File.FlushAsync();
        }
        catch (BlockException)
        {
            await TryRestoreAsync(before);
            throw;
        }
    }

    // What has failed may have been done nevertheless.
    private async ValueTask TryRestoreAsync(IoBuffer before)
    {
        try
        {
            await image.File.WriteAsync(0, before.Memory);
            await image.File.FlushAsync();
        }
        catch (BlockException)
        {
            // The first failure says it.
        }
    }

    // The new name is in force. Without what is added here the image is as good.
    private async ValueTask CompleteAsync(Qcow2Header changed, IoBuffer full)
    {
        if (full.Length <= SectorLength || !Qcow2HeaderSerializer.HasFeatureNames(changed, full.Length))
            return;
        try
        {
            await image.File.WriteAsync(SectorLength, full.Memory.Slice(SectorLength));
            await image.File.FlushAsync();
            await image.File.WriteAsync(0, full.Memory.Slice(0, SectorLength));
            await image.File.FlushAsync();
        }
        catch (BlockException)
        {
        }
    }

    // Up to the last byte that is not zero.
    private static int UsedLength(ReadOnlySpan<byte> cluster) => cluster.LastIndexOfAnyExcept((byte)0) + 1;

    private static BlockException Failure(string? name, int errno) =>
        new(BlockException.KindOf(errno), $"Could not change backing file to '{name}': {Errno.Message(errno)}", errno);
}
