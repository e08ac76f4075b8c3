using System.Text;
using BlockUring.Native.Interop;
using BlockUring.Storage;

namespace BlockUring.Images.Qcow2;

/// <summary>Writes another backing file's name into the header. No write runs meanwhile.</summary>
internal readonly struct Qcow2BackingName(Qcow2Image image, Qcow2Writer writer)
{
    public async ValueTask SetAsync(string? name, string? format)
    {
        if (name != null && Encoding.UTF8.GetByteCount(name) > Qcow2Limits.MaxBackingNameBytes)
            throw Failure(name, Errno.EINVAL);
        await writer.PrepareAsync();
        await writer.FlushAsync();
        var changed = image.Header with { BackingFileName = name, BackingFormat = name == null ? null : format };
        await writer.Order.ChangeHeaderAsync(_ => changed, async (file, header) =>
        {
            if (!file.Fits(header))
                throw Failure(name, Errno.ENOSPC);
            await file.RewriteAsync(header);
        });
    }

    private static BlockException Failure(string? name, int errno) =>
        new(BlockException.KindOf(errno), $"Could not change backing file to '{name}': {Errno.Message(errno)}", errno);
}
