using System.Diagnostics;
using System.Text.Json;

namespace BlockUring.NativeTests.Cli;

/// <summary>Images made by qemu-img, that refer to each other by relative names, in a folder of which each run of a command gets a copy.</summary>
public sealed class ChangedImages : IDisposable
{
    private readonly string folder = Directory.CreateTempSubdirectory("blockuring-cli-").FullName;
    private int copies;

    public ChangedImages()
    {
        if (!QemuImgImages.IsAvailable)
            return;
        Make("create -f raw @a.raw 1M");
        Make("create -f qcow2 @a.qcow2 1M");
        Make("create -f raw @base.raw 3M");
        Fill("raw", "base.raw", "write -P 1 0 2M");
        Make("create -f raw @long.raw 6M");
        Fill("raw", "long.raw", "write -P 9 3M 3M");
        Make("create -f qcow2 -b base.raw -F raw @mid.qcow2 4M");
        Fill("qcow2", "mid.qcow2", "write -P 2 1M 2M", "write -z 3M 64k");
        Make("create -f qcow2 -b mid.qcow2 -F qcow2 @top.qcow2 5M");
        Fill("qcow2", "top.qcow2", "write -P 3 0 64k", "write -z 64k 64k", "write -P 4 4M 100k");
        Make("create -f qcow2 -o compat=0.10 -b mid.qcow2 -F qcow2 @v2.qcow2 5000k");
        Fill("qcow2", "v2.qcow2", "write -P 3 0 64k");
        Make("create -f qcow2 -o cluster_size=256k @other.qcow2 6M");
        Fill("qcow2", "other.qcow2", "write -P 2 1M 2M", "write -P 5 3M 3M");
        Make("create -f qcow2 -o extended_l2=on,cluster_size=128k -b mid.qcow2 -F qcow2 @sub.qcow2 5M");
        Fill("qcow2", "sub.qcow2", "write -P 3 4k 4k", "write -P 3 1M 8k");
        Make("create -f qcow2 @snap.qcow2 1M");
        Make("snapshot -c s @snap.qcow2");
        Make("create -f qcow2 -o compat=0.10 @snap2.qcow2 1M");
        Make("snapshot -c s @snap2.qcow2");
        Make("create -f qcow2 @bitmap.qcow2 1M");
        Make("bitmap --add @bitmap.qcow2 b");
        Make("create -f qcow2 -b base.raw -F raw @cut.qcow2 1000k");
        Make("create -f qcow2 -o data_file=@data.raw,data_file_raw=on @df.qcow2 1M");
    }

    public void Dispose() => Directory.Delete(folder, recursive: true);

    /// <summary>A new copy of the images that a command line names, and of those that they name; its folder.</summary>
    public string Copy(string line)
    {
        var copy = $"{folder}/{copies++}.copy";
        Directory.CreateDirectory(copy);
        foreach (var path in Directory.GetFiles(folder).Where(p => IsNeeded(Path.GetFileName(p), line)))
            File.Copy(path, $"{copy}/{Path.GetFileName(path)}");
        return copy;
    }

    /// <summary>Splits a command line at blanks and puts a folder where words have an @; two apostrophes are an empty word.</summary>
    public static string[] Words(string line, string folder) =>
        [.. line.Split(' ').Select(word => word == "''" ? "" : word.Replace("@", folder + "/"))];

    /// <summary>What a command has made of an image: size, format, backing file; null for none.</summary>
    public static string? Describe(string path)
    {
        if (!File.Exists(path))
            return null;
        var (exitCode, output, error) = QemuImgImages.RunQemuImg(["info", "--output=json", path]);
        if (exitCode != 0)
            return error.Replace(Path.GetDirectoryName(path)!, "FOLDER");
        using var info = JsonDocument.Parse(output);
        return string.Join(", ", info.RootElement.EnumerateObject()
            .Where(p => p.Name is "virtual-size" or "format" or "backing-filename" or "backing-filename-format").Select(p => $"{p.Name} {p.Value}"));
    }

    private static bool IsNeeded(string name, string line) => line.Contains(name, StringComparison.Ordinal) || name switch
    {
        "base.raw" => line.Contains("mid.", StringComparison.Ordinal) || line.Contains("cut.", StringComparison.Ordinal) || IsNeeded("mid.qcow2", line),
        "mid.qcow2" => line.Contains("top.", StringComparison.Ordinal) || line.Contains("v2.", StringComparison.Ordinal)
            || line.Contains("sub.", StringComparison.Ordinal),
        "data.raw" => line.Contains("df.", StringComparison.Ordinal),
        _ => false,
    };

    private void Make(string line)
    {
        var (exitCode, _, error) = QemuImgImages.RunQemuImg(Words(line, folder));
        if (exitCode != 0)
            throw new InvalidOperationException($"qemu-img {line}: {error}");
    }

    private void Fill(string format, string name, params string[] commands)
    {
        using var process = Process.Start(new ProcessStartInfo("qemu-io", [.. commands.SelectMany(c => (string[])["-c", c]), "-f", format, $"{folder}/{name}"])
        {
            RedirectStandardOutput = true,
        })!;
        process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        if (process.ExitCode != 0)
            throw new InvalidOperationException($"qemu-io {name}");
    }
}
