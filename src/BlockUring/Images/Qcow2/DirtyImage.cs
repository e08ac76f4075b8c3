using BlockUring.Native.Interop;
using BlockUring.Storage;

namespace BlockUring.Images.Qcow2;

/// <summary>Images that were not closed cleanly.</summary>
internal static class DirtyImage
{
    /// <summary>Repairs one, before the first change of it.</summary>
    /// <param name="image">The image.</param>
    /// <param name="warn">Is told what was repaired.</param>
    /// <exception cref="BlockException">"Could not repair dirty image".</exception>
    public static async ValueTask RepairAsync(Qcow2Image image, Action<string> warn)
    {
        CheckResult result;
        try
        {
            result = (await image.CheckAsync(new CheckRequest(_ => { }, FixesLeaks: true, FixesErrors: true)))!;
        }
        catch (BlockException e)
        {
            throw new BlockException(e.Kind, $"Could not repair dirty image: {Errno.Message(e.ErrorNumber)}", e.ErrorNumber, e);
        }

        if (result.CheckErrors > 0)
            throw new BlockException(BlockErrorKind.Io, $"Could not repair dirty image: {Errno.Message(Errno.EIO)}", Errno.EIO);
        if (result.LeaksFixed + result.CorruptionsFixed > 0)
        {
            warn($"'{image.File.Path}' was not closed cleanly; " +
                $"{result.LeaksFixed} leaked clusters and {result.CorruptionsFixed} corruptions were repaired");
        }
    }
}
