using System.Diagnostics;
using Xunit;

namespace BlockUring.NativeTests.Storage;

/// <summary>Somewhere to put a file: a folder here, or a file system or loop device made for one test and removed after it.</summary>
internal sealed class HostPlace : IDisposable
{
    private readonly TempFolder folder;
    private readonly string? mounted;
    private readonly string? device;

    private HostPlace(TempFolder folder, string path, string? mounted, string? device)
    {
        this.folder = folder;
        Path = path;
        this.mounted = mounted;
        this.device = device;
    }

    /// <summary>Of a file that does not exist yet, or of a device of 8 MiB.</summary>
    public string Path { get; }

    public bool IsDevice => device != null;

    /// <summary>Of the file, or of the file below the device.</summary>
    public long AllocatedBytes => 512 * long.Parse(Tool.Run("stat", "-c", "%b", IsDevice ? folder["image"] : Path));

    /// <summary>Kinds: here, tmpfs, xfs, btrfs, loop512, loop4096.</summary>
    public static HostPlace Make(string kind, string? mountOptions = null)
    {
        if (kind != "here")
            Assert.SkipUnless(Environment.UserName == "root", "mounts and loop devices take root");
        if (kind.StartsWith("mkfs", StringComparison.Ordinal) || kind is "xfs" or "btrfs")
            Tool.Demand("mkfs." + kind);
        var folder = new TempFolder();
        try
        {
            return kind switch
            {
                "here" => new(folder, folder["file"], null, null),
                "tmpfs" => MountTmpfs(folder, mountOptions ?? "size=64m"),
                "loop512" or "loop4096" => MakeLoop(folder, kind[4..]),
                _ => MountImage(folder, kind),
            };
        }
        catch
        {
            folder.Dispose();
            throw;
        }
    }

    public void Dispose()
    {
        if (mounted != null)
            Unmount(mounted);
        if (device != null)
            Tool.Run("losetup", "-d", device);
        folder.Dispose();
    }

    private static HostPlace MountTmpfs(TempFolder folder, string options)
    {
        Directory.CreateDirectory(folder["mnt"]);
        Mount("-t", "tmpfs", "-o", options, "none", folder["mnt"]);
        return new(folder, folder["mnt/file"], folder["mnt"], null);
    }

    private static HostPlace MountImage(TempFolder folder, string kind)
    {
        Tool.Run("truncate", "-s", "400M", folder["image"]);
        Tool.Run("mkfs." + kind, "-q", folder["image"]);
        Directory.CreateDirectory(folder["mnt"]);
        Mount("-o", "loop", folder["image"], folder["mnt"]);
        return new(folder, folder["mnt/file"], folder["mnt"], null);
    }

    private static HostPlace MakeLoop(TempFolder folder, string sectorLength)
    {
        Tool.Run("truncate", "-s", "8M", folder["image"]);
        var (code, output) = Tool.TryRun("losetup", "--find", "--show", "--direct-io=on", "--sector-size", sectorLength, folder["image"]);
        Assert.SkipUnless(code == 0, "no loop device: " + output);
        return new(folder, output.Trim(), null, output.Trim());
    }

    // Why tries: a ring gives the files that were registered with it back a moment after it was closed, from the kernel's own thread.
    private static void Unmount(string mounted)
    {
        var waited = Stopwatch.StartNew();
        while (waited.Elapsed < TimeSpan.FromSeconds(20))
        {
            if (Tool.TryRun("umount", mounted).Code == 0)
                return;
            Thread.Sleep(20);
        }
        Tool.Run("umount", mounted);
    }

    private static void Mount(params string[] arguments)
    {
        var (code, output) = Tool.TryRun("mount", arguments);
        Assert.SkipUnless(code == 0, "cannot mount here: " + output);
    }
}
