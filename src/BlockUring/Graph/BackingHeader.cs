using BlockUring.Images;
using BlockUring.Native.Interop;
using BlockUring.Storage;

namespace BlockUring.Graph;

/// <summary>What the header of an image that is not open says about its backing file.</summary>
/// <param name="Path">The backing file, to be opened from the current directory; null for none that is a file.</param>
/// <param name="Format">Its format as the header has it; null when it does not say.</param>
public sealed record BackingHeader(string? Path, string? Format)
{
    /// <summary>Reads a header without any locks: it may be in use by others.</summary>
    /// <param name="host">Where the file is.</param>
    /// <param name="path">The file.</param>
    /// <exception cref="BlockException">It cannot be opened, or has a header that makes no sense.</exception>
    public static async ValueTask<BackingHeader> ReadAsync(FileHost host, string path)
    {
        var settings = new ImageOpenSettings(host, new FileOpenOptions { Locking = false }) { OpenBacking = false, MetadataOnly = true };
        await using var image = await BackingChain.OpenAsync(FileName(path), null, settings);
        return image.Format.BackingFileName is { } name ? Resolve(path, name, image.Format.BackingFormat) : new BackingHeader(null, null);
    }

    /// <summary>The image right above a file, in the chain that headers name from another image down; null when the file is not in that chain.</summary>
    /// <param name="host">Where the files are.</param>
    /// <param name="path">The image to start at.</param>
    /// <param name="below">The file.</param>
    /// <returns>The image's name, and what its header says.</returns>
    /// <exception cref="BlockException">A file of the chain cannot be looked at; a backing file that is missing ends the chain.</exception>
    public static async ValueTask<(string Path, BackingHeader Header)?> FindAboveAsync(FileHost host, string path, string below)
    {
        for (var depth = 0; depth < BackingChain.MaxDepth; depth++)
        {
            BackingHeader header;
            try
            {
                header = await ReadAsync(host, path);
            }
            catch (BlockException e) when (depth > 0 && e.ErrorNumber == Errno.ENOENT)
            {
                return null;
            }

            if (header.Path == null)
                return null;
            if (host.AreSame(header.Path, below))
                return (path, header);
            path = header.Path;
        }

        throw new BlockException(BlockErrorKind.Limit, $"The backing chain is longer than {BackingChain.MaxDepth} images") { Path = path };
    }

    private static BackingHeader Resolve(string path, string name, string? format)
    {
        name = ImagePath.Combine(path, name);
        if (name.StartsWith("json:", StringComparison.Ordinal))
        {
            var options = OptionTree.ParseJson(name[5..]);
            return new BackingHeader(options.Get("file.filename") ?? options.Get("filename"), options.Get("driver") ?? format);
        }

        if (name.StartsWith("file:", StringComparison.Ordinal))
            return new BackingHeader(name[5..], format);
        return new BackingHeader(ImagePath.HasProtocol(name) ? null : name, format);
    }

    // Why: a file may be called as if a protocol came first.
    private static string FileName(string path) => ImagePath.HasProtocol(path) && !path.StartsWith('/') ? "./" + path : path;
}
