using System.Security.Cryptography;
using BlockUring.NativeTests.Daemon;
using BlockUring.NativeTests.Images;
using Xunit;

namespace BlockUring.NativeTests.Guest;

/// <summary>A Linux guest whose root disk is an export of our daemon, which backs the disk up and moves it while the guest writes.</summary>
public sealed class RealGuestTests(ITestOutputHelper output)
{
    [Fact]
    public async Task A_disk_is_backed_up_and_moves_under_a_guest_that_writes()
    {
        if (DaemonUnderTest.WhyMissing(Side.Ours) is { } reason)
            Assert.Skip(reason);
        if (GuestParts.KernelFolder == null)
            Assert.Skip("BLOCKURING_GUEST names no unpacked kernel package");
        foreach (var program in (string[])["qemu-system-x86_64", "busybox", "mke2fs", "debugfs", "qemu-img"])
        {
            if ((await Tool.TryRunAsync("sh", "-c", $"command -v {program}")).ExitCode != 0)
                Assert.Skip($"{program} is not installed");
        }

        using var scenario = new Scenario(Side.Ours);
        string Place(string name) => Path.Combine(scenario.Folder, name);
        await GuestParts.MakeInitramfsAsync(Place("initramfs"), Place("initramfs.gz"));
        await GuestParts.MakeDiskAsync(Place("root"), Place("disk.qcow2"), "192M");
        scenario.Play("""
            $ qemu-img create -q -f qcow2 moved.qcow2 192M && qemu-img create -q -f qcow2 backup.qcow2 192M
            daemon --blockdev qcow2,node-name=disk,discard=unmap,file.driver=file,file.filename=disk.qcow2
             --blockdev qcow2,node-name=moved,discard=unmap,file.driver=file,file.filename=moved.qcow2
             --blockdev qcow2,node-name=backup,discard=unmap,file.driver=file,file.filename=backup.qcow2
             --nbd-server addr.type=unix,addr.path=nbd.sock --export nbd,id=e,node-name=disk,name=disk,writable=on
            """);
        using (var guest = new GuestRun(scenario.Folder, Place("initramfs.gz"), "file=nbd:unix:nbd.sock:exportname=disk,format=raw,cache=none,discard=unmap"))
        {
            await guest.ReadyAsync();
            await guest.WriteAsync(10);
            scenario.Play("blockdev-backup {'job-id':'b','device':'disk','target':'backup','sync':'full'}");
            await guest.WriteAsync(10);
            scenario.Play("""
                wait JOB_STATUS_CHANGE b null
                blockdev-mirror {'job-id':'m','device':'disk','target':'moved','sync':'full'}
                wait BLOCK_JOB_READY m
                """);
            await guest.WriteAsync(20);
            scenario.Play("job-complete {'id':'m'}\nwait JOB_STATUS_CHANGE m null\nblockdev-del {'node-name':'disk'}");
            await guest.WriteAsync(2 * GuestParts.PairCount);
            await guest.StopAsync();
        }

        scenario.Play("query-block-exports\nquit\nexit");
        output.WriteLine(scenario.Transcript.ToString());
        Assert.DoesNotContain("\"error\"", scenario.Transcript.ToString(), StringComparison.Ordinal);

        // Unmounted: all is there. Of one instant: as after a power cut.
        Assert.Equal((GuestParts.PairCount, 0), await JudgeAsync(scenario.Folder, "moved", "-fn"));
        var (pairs, torn) = await JudgeAsync(scenario.Folder, "backup", "-fy");
        Assert.InRange(pairs, 10, GuestParts.PairCount);
        Assert.InRange(torn, 0, 1);
        (pairs, torn) = await JudgeAsync(scenario.Folder, "disk", "-fy");
        Assert.InRange(pairs, 20, GuestParts.PairCount);
        Assert.InRange(torn, 0, 1);
    }

    // How many pairs of file and sum there are, and how many do not agree.
    private static async Task<(int Pairs, int Torn)> JudgeAsync(string folder, string name, string mode)
    {
        var (image, raw, files) = (Path.Combine(folder, name + ".qcow2"), Path.Combine(folder, name + ".raw"), Path.Combine(folder, name + "-files"));
        await Tool.RunAsync("qemu-img", "check", image);
        await Tool.RunAsync("qemu-img", "convert", "-O", "raw", image, raw);
        if (mode == "-fy")
            await Tool.TryRunAsync("e2fsck", "-fy", raw);
        var (exitCode, text, error) = await Tool.TryRunAsync("e2fsck", "-fn", raw);
        Assert.True(exitCode == 0, text + error);
        Directory.CreateDirectory(files);
        await Tool.RunAsync("debugfs", "-R", $"rdump /data {files}", raw);
        var (pairs, torn) = (0, 0);
        for (var i = 0; i < GuestParts.PairCount; i++)
        {
            var (file, sum) = (Path.Combine(files, "data", $"file-{i}"), Path.Combine(files, "data", $"sum-{i}"));
            if (!File.Exists(file) && !File.Exists(sum))
                continue;
            pairs++;
            var agrees = File.Exists(file) && File.Exists(sum)
                && (await File.ReadAllTextAsync(sum)).StartsWith(Convert.ToHexStringLower(SHA256.HashData(await File.ReadAllBytesAsync(file))), StringComparison.Ordinal);
            torn += agrees ? 0 : 1;
        }

        return (pairs, torn);
    }
}
