using BlockUring.Graph;
using BlockUring.Jobs.Mirror;

namespace BlockUring.Qmp.Commands.Jobs;

/// <summary>Makes a request for a mirror out of a command's arguments, with QEMU's words for what does not go together.</summary>
internal static class MirrorText
{
    /// <summary>The request.</summary>
    /// <exception cref="QmpException">What does not go together.</exception>
    public static MirrorRequest Parse(MirrorArguments arguments, BlockNode source, BlockNode target)
    {
        var bitmap = SyncText.FindBitmap(arguments.Sync, arguments.Bitmap, arguments.BitmapMode, source, out var mode);
        // Why: the default is the name of a device, of which there are none here.
        var settings = JobText.Settings(arguments.JobId ?? "", arguments.Speed, arguments.AutoFinalize, arguments.AutoDismiss);
        return new MirrorRequest(settings, source, target)
        {
            Sync = SyncText.Sync(arguments.Sync),
            Bitmap = bitmap,
            BitmapMode = mode,
            Granularity = arguments.Granularity ?? 0,
            BufferLength = arguments.BufSize ?? 0,
            OnSourceError = JobText.Policy(arguments.OnSourceError),
            OnTargetError = JobText.Policy(arguments.OnTargetError),
            CopyMode = CopyMode(arguments.CopyMode),
            Replaces = arguments.Replaces,
        };
    }

    /// <summary>A copy mode by its name in the definition; null is "background".</summary>
    public static MirrorCopyMode CopyMode(string? name) => name switch
    {
        null or "background" => MirrorCopyMode.Background,
        "write-blocking" => MirrorCopyMode.WriteBlocking,
        "auto" => MirrorCopyMode.Auto,
        _ => throw new ArgumentOutOfRangeException(nameof(name), name, "This is no copy mode."),
    };

    /// <summary>The name in the definition.</summary>
    public static string Name(this MirrorCopyMode mode) => mode switch
    {
        MirrorCopyMode.WriteBlocking => "write-blocking",
        MirrorCopyMode.Auto => "auto",
        _ => "background",
    };
}
