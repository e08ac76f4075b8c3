using BlockUring.NativeTests.Images;

namespace BlockUring.NativeTests.Guest;

/// <summary>What a small Linux guest boots from: a kernel, an initramfs that mounts the first disk, and a root file system that writes until it is told to stop.</summary>
/// <remarks>
/// BLOCKURING_GUEST names a folder with an unpacked kernel package (boot/vmlinuz-*, lib/modules). In turns the guest makes a file of random bytes and its
/// sum, and makes both durable; so a copy of one instant has at most one pair that does not agree.
/// </remarks>
internal static class GuestParts
{
    /// <summary>Pairs of a file and its sum that are written in turns.</summary>
    public const int PairCount = 50;

    private const string Initramfs = """
        #!/bin/busybox sh
        b=/bin/busybox
        $b mount -t proc proc /proc
        $b mount -t devtmpfs dev /dev
        for m in virtio_ring virtio virtio_pci_legacy_dev virtio_pci_modern_dev virtio_pci virtio_blk; do
            [ -e /m/$m.ko ] && $b insmod /m/$m.ko
        done
        n=0
        while [ ! -b /dev/vda ] && [ $n -lt 100 ]; do $b sleep 0.1; n=$((n+1)); done
        $b mount -t ext4 /dev/vda /mnt || echo "guest: no root file system"
        exec $b switch_root /mnt /sbin/init
        """;

    private static readonly string Root = $$"""
        #!/bin/busybox sh
        /bin/busybox --install -s /bin
        export PATH=/bin
        mount -t proc proc /proc
        mount -t devtmpfs dev /dev
        mount -o remount,rw /
        write() {
            i=0
            while :; do
                dd if=/dev/urandom of=/data/new bs=4k count=$((i % 40 + 1)) 2>/dev/null
                sha256sum </data/new >/data/sum-$((i % {{PairCount}}))
                mv /data/new /data/file-$((i % {{PairCount}}))
                sync
                i=$((i + 1))
                [ $((i % 10)) = 0 ] && echo "guest: wrote $i"
            done
        }
        write &
        writer=$!
        echo "guest: ready"
        read line
        kill $writer
        wait
        rm -f /data/new
        sync
        mount -o remount,ro /
        echo "guest: done"
        poweroff -f
        """;

    /// <summary>The folder of the kernel; null for none.</summary>
    public static string? KernelFolder => Environment.GetEnvironmentVariable("BLOCKURING_GUEST");

    /// <summary>The kernel itself.</summary>
    public static string Kernel => Directory.GetFiles(Path.Combine(KernelFolder!, "boot"), "vmlinuz-*").Single();

    /// <summary>Makes an initramfs.</summary>
    public static async Task MakeInitramfsAsync(string folder, string target)
    {
        var modules = Directory.GetFiles(Path.Combine(KernelFolder!, "lib", "modules"), "virtio*.ko", SearchOption.AllDirectories);
        foreach (var name in (string[])["bin", "proc", "dev", "mnt", "m"])
            Directory.CreateDirectory(Path.Combine(folder, name));
        foreach (var module in modules)
            File.Copy(module, Path.Combine(folder, "m", Path.GetFileName(module)));
        await AddProgramAsync(folder, "init", Initramfs);
        await Tool.RunAsync("sh", "-c", $"cd '{folder}' && find . | busybox cpio -o -H newc 2>/dev/null | gzip -1 >'{target}'");
    }

    /// <summary>Makes a qcow2 image with the root file system.</summary>
    /// <param name="folder">For the files that go into it.</param>
    /// <param name="image">The image.</param>
    /// <param name="size">Of the disk, as mke2fs takes it.</param>
    public static async Task MakeDiskAsync(string folder, string image, string size)
    {
        foreach (var name in (string[])["bin", "sbin", "proc", "dev", "data"])
            Directory.CreateDirectory(Path.Combine(folder, name));
        await AddProgramAsync(folder, Path.Combine("sbin", "init"), Root);
        await Tool.RunAsync("mke2fs", "-q", "-t", "ext4", "-d", folder, image + ".raw", size);
        await Tool.RunAsync("qemu-img", "convert", "-O", "qcow2", image + ".raw", image);
    }

    // With busybox beside it.
    private static async Task AddProgramAsync(string folder, string name, string text)
    {
        var path = Path.Combine(folder, name);
        await File.WriteAllTextAsync(path, text);
        await Tool.RunAsync("sh", "-c", $"chmod 755 '{path}' && cp \"$(command -v busybox)\" '{folder}/bin/busybox'");
    }
}
