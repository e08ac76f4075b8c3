using BlockUring.Images;
using BlockUring.Native.Interop;
using BlockUring.Storage;

namespace BlockUring.Cli.Img;

/// <summary>The change of the header that ends a rebase, and what is wrong with it, in the words of qemu-img.</summary>
internal static class RebaseName
{
    /// <summary>Refuses a change that cannot be, before anything is copied.</summary>
    /// <exception cref="CommandFailure">Why not.</exception>
    public static void Demand(Image overlay, RebaseSettings settings)
    {
        if (settings is { Backing.Length: > 0, BackingFormat: null })
            throw Failure(settings, "backing format must be specified");
        if (!overlay.Format.SupportsBacking)
            throw Failure(settings, Errno.Message(Errno.EOPNOTSUPP));
    }

    /// <summary>Writes the new name, durably.</summary>
    /// <exception cref="CommandFailure">Why not; the old name is still there.</exception>
    public static async ValueTask ChangeAsync(Image overlay, RebaseSettings settings)
    {
        Demand(overlay, settings);
        try
        {
            var isNone = string.IsNullOrEmpty(settings.Backing);
            await overlay.Format.SetBackingNameAsync(isNone ? null : settings.Backing, isNone ? null : settings.BackingFormat);
        }
        catch (BlockException e)
        {
            throw Failure(settings, e.ErrorNumber == Errno.ENOSPC ? "No space left in the file header" : ErrorText.OfCause(e));
        }
    }

    private static CommandFailure Failure(RebaseSettings settings, string reason) =>
        new($"Could not change the backing file to '{settings.Backing ?? "(null)"}': {reason}");
}
