using BlockUring.Native.Interop;
using BlockUring.Storage;

namespace BlockUring.Images;

/// <summary>Where a path leads once every symbolic link on its way is followed.</summary>
internal static class RealPath
{
    // As in Linux.
    private const int MaxLinks = 40;

    /// <summary>The absolute path without links, "." and ".."; what does not exist is taken as it is named.</summary>
    /// <exception cref="BlockException">ELOOP: too many links.</exception>
    public static string Of(string path)
    {
        // Why not Path.GetFullPath alone: it takes ".." away before links are followed, and so names other files than the system opens.
        var left = new Stack<string>(Parts(path));
        List<string> real = path.StartsWith('/') ? [] : [.. Parts(Environment.CurrentDirectory).Reverse()];
        for (var links = 0; left.TryPop(out var part);)
        {
            if (part == "..")
            {
                if (real.Count > 0)
                    real.RemoveAt(real.Count - 1);
                continue;
            }

            real.Add(part);
            if (new FileInfo("/" + string.Join('/', real)).LinkTarget is not { } target)
                continue;
            if (++links > MaxLinks)
                throw BlockException.FromErrno(Errno.ELOOP, "Could not open", path);
            real.RemoveAt(real.Count - 1);
            if (target.StartsWith('/'))
                real.Clear();
            foreach (var next in Parts(target))
                left.Push(next);
        }

        return "/" + string.Join('/', real);
    }

    // The last one first.
    private static IEnumerable<string> Parts(string path) =>
        path.Split('/', StringSplitOptions.RemoveEmptyEntries).Where(p => p != ".").Reverse();
}
