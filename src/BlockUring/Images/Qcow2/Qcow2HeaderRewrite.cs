using System.Text;
using BlockUring.Native.Interop;
using BlockUring.Native.Memory;
using BlockUring.Storage;

namespace BlockUring.Images.Qcow2;

/// <summary>Writes a whole header with its extensions and names: the first cluster anew.</summary>
/// <remarks>
/// Power loss at any point leaves the old header or the new one: only the write of the first sector, which a disk does whole or not at all, makes it
/// another one. For that the extensions have to fit that sector: the names of the features, which only messages need, are left out, and put back at
/// last; a backing file name that has no room there goes to where neither header has anything. Where the extensions alone are longer than that
/// (those of other programs may be), what is behind the first sector is written before it, and power loss may leave a mixture.
/// </remarks>
internal sealed class Qcow2HeaderRewrite(BlockFile file, Qcow2Header changed) : IDisposable
{
    private const int SectorLength = 512;

    private readonly IoBuffer old = file.Buffers.Rent(changed.Room);
    private readonly IoBuffer full = file.Buffers.Rent(changed.Room);
    private readonly IoBuffer brief = file.Buffers.Rent(changed.Room);
    private bool mayBeMixed;

    /// <summary>Whether a failure has left it unknown which header the file has.</summary>
    public bool IsUndecided { get; private set; }

    /// <summary>Makes the new header the one in force, durably.</summary>
    /// <exception cref="BlockException">It has no room in the first cluster (ENOSPC; nothing is written), or cannot be written.</exception>
    public async ValueTask RunAsync()
    {
        if (!Qcow2HeaderSerializer.TrySerialize(changed, full.Span))
            throw BlockException.FromErrno(Errno.ENOSPC, "Could not update qcow2 header", file.Path, 0);
        await file.ReadAsync(0, old.Memory);
        try
        {
            await RunAsync(EndOfDifference(old.Span, full.Span));
        }
        catch (BlockException)
        {
            await RestoreAsync();
            throw;
        }
    }

    public void Dispose()
    {
        old.Dispose();
        full.Dispose();
        brief.Dispose();
    }

    private async ValueTask RunAsync(int end)
    {
        if (end <= SectorLength)
        {
            await WriteFirstSectorAsync(full);
        }
        else if (await TryPlaceNameAsync())
        {
            await WriteFirstSectorAsync(brief);
            await TryCompleteAsync();
        }
        else
        {
            mayBeMixed = true;
            await file.WriteAsync(SectorLength, full.Memory.Slice(SectorLength, end - SectorLength));
            await file.FlushAsync();
            await WriteFirstSectorAsync(full);
        }
    }

    // Prepares a header of one sector, with the name there or at a place of its own.
    private async ValueTask<bool> TryPlaceNameAsync()
    {
        if (!Qcow2HeaderSerializer.TrySerialize(changed, brief.Span, false, 0, out var end) || end > SectorLength)
            return false;
        var nameLength = changed.BackingFileName == null ? 0 : Encoding.UTF8.GetByteCount(changed.BackingFileName);
        if (end + nameLength <= SectorLength)
            return true;
        var place = (Math.Max(UsedLength(full.Span), UsedLength(old.Span)) + SectorLength - 1) & -SectorLength;
        if (place + nameLength > brief.Length
            || !Qcow2HeaderSerializer.TrySerialize(changed, brief.Span, false, place, out _)
            || !Qcow2HeaderSerializer.TrySerialize(changed, full.Span, true, place, out _))
        {
            return false;
        }

        var room = Math.Min(brief.Length - place, (nameLength + SectorLength - 1) & -SectorLength);
        await file.WriteAsync(place, brief.Memory.Slice(place, room));
        await file.FlushAsync();
        return true;
    }

    private async ValueTask WriteFirstSectorAsync(IoBuffer header)
    {
        mayBeMixed = true;
        await file.WriteAsync(0, header.Memory.Slice(0, SectorLength));
        await file.FlushAsync();
        mayBeMixed = false;
    }

    // The new header is in force. Without what is added here the image is as good.
    private async ValueTask TryCompleteAsync()
    {
        if (!Qcow2HeaderSerializer.HasFeatureNames(changed, full.Length))
            return;
        try
        {
            await file.WriteAsync(SectorLength, full.Memory.Slice(SectorLength));
            await file.FlushAsync();
            await file.WriteAsync(0, full.Memory.Slice(0, SectorLength));
            await file.FlushAsync();
        }
        catch (BlockException)
        {
        }
    }

    // What has failed may have been done nevertheless.
    private async ValueTask RestoreAsync()
    {
        if (!mayBeMixed)
            return;
        IsUndecided = true;
        try
        {
            await file.WriteAsync(0, old.Memory.Slice(0, SectorLength));
            await file.FlushAsync();
            await file.WriteAsync(0, old.Memory);
            await file.FlushAsync();
            IsUndecided = false;
        }
        catch (BlockException)
        {
            // The first failure says it.
        }
    }

    // Up to the last byte that is not zero.
    private static int UsedLength(ReadOnlySpan<byte> cluster) => cluster.LastIndexOfAnyExcept((byte)0) + 1;

    // One past the last sector that is not the same.
    private static int EndOfDifference(ReadOnlySpan<byte> one, ReadOnlySpan<byte> other)
    {
        var end = one.Length;
        while (end > SectorLength && one[(end - SectorLength)..end].SequenceEqual(other[(end - SectorLength)..end]))
            end -= SectorLength;
        return end;
    }
}
