using System.ComponentModel;
using System.Diagnostics;

namespace BlockUring.Cli.Demo;

/// <summary>Makes the raw image that the demonstration converts: an ext4 file system with real files, or those files one after the other.</summary>
internal sealed class DemoContent
{
    // Where real files are found, biggest variety first; what does not exist or cannot be read is passed over.
    private static readonly string[] Roots = [AppContext.BaseDirectory, "/usr/bin", "/usr/lib", "/usr/share/doc"];

    private const long MaxFileBytes = 16 << 20;

    private readonly string path;
    private readonly long imageBytes;

    /// <summary>Names the image to make.</summary>
    /// <param name="path">The file.</param>
    /// <param name="imageBytes">Its size; about half of it becomes data.</param>
    public DemoContent(string path, long imageBytes)
    {
        this.path = path;
        this.imageBytes = imageBytes;
    }

    /// <summary>What was made, in words.</summary>
    public string Description { get; private set; } = "";

    /// <summary>Makes the image.</summary>
    public void Make()
    {
        var staging = path + ".files";
        Directory.CreateDirectory(staging);
        try
        {
            var files = Collect(staging);
            using (var image = File.OpenHandle(path, FileMode.CreateNew, FileAccess.Write))
                RandomAccess.SetLength(image, imageBytes);
            if (TryMakeFileSystem(staging))
            {
                Description = $"an ext4 file system with {files.Count} files";
                return;
            }

            Concatenate(files);
            Description = $"{files.Count} files in a row (mkfs.ext4 is not installed)";
        }
        finally
        {
            Directory.Delete(staging, recursive: true);
        }
    }

    // Copies files until about half of the image would be full.
    private List<string> Collect(string staging)
    {
        var copies = new List<string>();
        var budget = imageBytes / 2;
        var options = new EnumerationOptions { RecurseSubdirectories = true, IgnoreInaccessible = true, MaxRecursionDepth = 3 };
        foreach (var root in Roots.Where(Directory.Exists))
        {
            foreach (var file in new DirectoryInfo(root).EnumerateFiles("*", options))
            {
                if (file.LinkTarget != null || file.Length is 0 or > MaxFileBytes || file.Length > budget)
                    continue;
                var copy = Path.Combine(staging, $"{copies.Count:d5}-{file.Name}");
                if (!TryCopy(file, copy))
                    continue;
                copies.Add(copy);
                budget -= file.Length;
            }
        }

        return copies;
    }

    private static bool TryCopy(FileInfo file, string copy)
    {
        try
        {
            file.CopyTo(copy);
            return true;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return false;
        }
    }

    private bool TryMakeFileSystem(string staging)
    {
        try
        {
            using var mkfs = Process.Start(new ProcessStartInfo("mkfs.ext4", ["-q", "-F", "-d", staging, path])
            {
                RedirectStandardOutput = true,
                RedirectStandardError = true,
            })!;
            mkfs.StandardOutput.ReadToEnd();
            mkfs.StandardError.ReadToEnd();
            mkfs.WaitForExit();
            return mkfs.ExitCode == 0;
        }
        catch (Win32Exception)
        {
            return false;
        }
    }

    private void Concatenate(List<string> files)
    {
        using var image = File.OpenHandle(path, FileMode.Open, FileAccess.Write);
        long offset = 0;
        foreach (var file in files)
        {
            var content = File.ReadAllBytes(file);
            RandomAccess.Write(image, content, offset);
            offset += content.Length + 4095 & ~4095L;
        }
    }
}
