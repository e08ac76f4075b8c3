using System.Text;
using BlockUring.Native.Interop;
using BlockUring.Storage;

namespace BlockUring.Images.Qcow2;

/// <summary>Writes another backing file's name into the header, with its extensions: the first cluster anew.</summary>
/// <remarks>No write runs meanwhile.</remarks>
internal readonly struct Qcow2BackingName(Qcow2Writer writer)
{
    public async ValueTask SetAsync(string? name, string? format)
    {
        if (name != null && Encoding.UTF8.GetByteCount(name) > Qcow2Limits.MaxBackingNameBytes)
            throw Failure(name, Errno.EINVAL);
        await writer.PrepareAsync();
        await writer.FlushAsync();
        try
        {
            await writer.Order.ChangeHeaderAsync(
                h => h with { BackingFileName = name, BackingFormat = name == null ? null : format }, (file, changed) => file.RewriteAsync(changed));
        }
        catch (BlockException e) when (e.ErrorNumber == Errno.ENOSPC)
        {
            throw Failure(name, Errno.ENOSPC);
        }
    }

    private static BlockException Failure(string? name, int errno) =>
        new(BlockException.KindOf(errno), $"Could not change backing file to '{name}': {Errno.Message(errno)}", errno);
}
