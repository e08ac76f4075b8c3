using BlockUring.Images;
using BlockUring.Storage;

namespace BlockUring.Cli.Img;

/// <summary>Makes image files, and takes back those that did not become whole.</summary>
internal static class NewFile
{
    /// <summary>Makes an image; a regular file that this call made is removed when it fails.</summary>
    /// <exception cref="BlockException">Why not.</exception>
    public static async ValueTask CreateAsync(FileHost host, ImageDriver driver, CreateRequest request)
    {
        var existed = host.Exists(request.Path);
        try
        {
            await driver.CreateAsync(host, request);
        }
        catch (BlockException) when (!existed)
        {
            Remove(request.Path);
            throw;
        }
    }

    /// <summary>Removes a file if it is a regular one (behind a symbolic link: that file, not the link); what cannot be removed stays.</summary>
    public static void Remove(string path)
    {
        try
        {
            path = File.ResolveLinkTarget(path, returnFinalTarget: true)?.FullName ?? path;
            if (File.Exists(path) && (File.GetAttributes(path) & FileAttributes.Device) == 0)
                File.Delete(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // The failure that led here is the one to report.
        }
    }
}
