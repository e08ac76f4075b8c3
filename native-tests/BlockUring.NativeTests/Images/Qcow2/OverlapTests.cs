using System.Buffers.Binary;
using Xunit;

namespace BlockUring.NativeTests.Images.Qcow2;

/// <summary>A write that would overwrite metadata is refused, and the image marked as corrupt, as by qemu-img.</summary>
public sealed class OverlapTests
{
    private const ulong OffsetMask = 0x00fffffffffffe00;

    public enum Damage
    {
        FreeL1,
        FreeL2,
        FreeRefcountTable,
        FreeRefcountBlock,
        FreeSnapshotTable,
        FreeInactiveL1,
        FreeInactiveL2,
        FreeBitmapDirectory,
        DataOnL1,
        DataOnRefcountBlock,
        DataOnItsOwnTable,
    }

    [Theory]
    [InlineData("")]
    [InlineData("overlap-check=none")]
    [InlineData("overlap-check=constant")]
    [InlineData("overlap-check=all")]
    [InlineData("overlap-check.active-l2=off")]
    [InlineData("overlap-check.template=none,overlap-check.active-l2=on")]
    public async Task Overlaps_are_found_as_by_qemu_img(string options)
    {
        foreach (var damage in Enum.GetValues<Damage>())
        {
            // Why: with the directory overwritten, qemu-img stumbles over its own bitmaps when it closes the image.
            if (damage == Damage.FreeBitmapDirectory && options.Contains("none", StringComparison.Ordinal))
                continue;
            using var folder = new TempFolder();
            await MakeAsync(folder["image"], damage);
            File.Copy(folder["image"], folder["theirs"]);
            var theirs = await Tool.TryRunAsync("qemu-img", Arguments(folder["theirs"], options));
            var ours = ImgRun.Run(Arguments(folder["image"], options));
            var name = $"{damage}, {options}";
            Assert.True(theirs.ExitCode == ours.ExitCode && theirs.Error == ours.Error, $"{name}:\n{ours}\nqemu-img's:\n{theirs}");
            Assert.True(IsMarked(folder["theirs"]) == IsMarked(folder["image"]), name);
            Assert.True(theirs.ExitCode == 0 || IsMarked(folder["image"]), name);
        }
    }

    [Fact]
    public async Task A_corrupt_image_is_not_opened_for_writing_until_it_is_repaired()
    {
        using var folder = new TempFolder();
        await MakeAsync(folder["image"], Damage.FreeL2);
        Assert.Equal(1, ImgRun.Run(Arguments(folder["image"], "")).ExitCode);
        var theirs = await Tool.TryRunAsync("qemu-img", Arguments(folder["image"], ""));
        Assert.Equal(theirs, ImgRun.Run(Arguments(folder["image"], "")));
        Assert.Equal(0, ImgRun.Run("check", "-r", "all", folder["image"]).ExitCode);
        Assert.Equal(0, ImgRun.Run(Arguments(folder["image"], "")).ExitCode);
        await Tool.RunAsync("qemu-img", "check", folder["image"]);
    }

    private static string[] Arguments(string path, string options) =>
    [
        "bench", "-w", "-c", "1", "-d", "1", "-s", "64k", "-o", "128k", "--image-opts",
        $"driver=qcow2,file.filename={path}{(options == "" ? "" : "," + options)}",
    ];

    private static async Task MakeAsync(string path, Damage damage)
    {
        await Tool.RunAsync("qemu-img", "create", "-q", "-f", "qcow2", path, "4M");
        var isData = damage >= Damage.DataOnL1;
        if (damage is Damage.FreeSnapshotTable or Damage.FreeInactiveL1 or Damage.FreeInactiveL2)
        {
            // Why a write before the snapshot, and one behind: then it has an L2 table that is not the active one.
            await Tool.RunAsync("qemu-io", "-f", "qcow2", "-c", "write -q 0 64k", path);
            await Tool.RunAsync("qemu-img", "snapshot", "-c", "s", path);
        }

        await Tool.RunAsync("qemu-io", "-f", "qcow2", "-c", isData ? "write -q 128k 64k" : "write -q 0 64k", path);
        if (damage == Damage.FreeBitmapDirectory)
            await Tool.RunAsync("qemu-img", "bitmap", "--add", path, "b");
        var image = await File.ReadAllBytesAsync(path);
        if (isData)
            PointData(image, damage);
        else
            Free(image, PlaceOf(image, damage));
        await File.WriteAllBytesAsync(path, image);
    }

    private static void PointData(byte[] image, Damage damage)
    {
        var l2 = (int)(U64(image, (int)U64(image, 40)) & OffsetMask);
        var place = damage switch
        {
            Damage.DataOnL1 => U64(image, 40),
            Damage.DataOnRefcountBlock => U64(image, (int)U64(image, 48)),
            _ => (ulong)l2,
        };
        BinaryPrimitives.WriteUInt64BigEndian(image.AsSpan(l2 + 16), place | (1ul << 63));
    }

    // What is allocated next goes there.
    private static void Free(byte[] image, ulong hostOffset)
    {
        var block = (int)U64(image, (int)U64(image, 48));
        image.AsSpan(block + ((int)(hostOffset >> 16) * 2), 2).Clear();
    }

    private static ulong PlaceOf(byte[] image, Damage damage)
    {
        var l1 = (int)U64(image, 40);
        var snapshots = (int)U64(image, 64);
        return damage switch
        {
            Damage.FreeL1 => (ulong)l1,
            Damage.FreeL2 => U64(image, l1) & OffsetMask,
            Damage.FreeRefcountTable => U64(image, 48),
            Damage.FreeRefcountBlock => U64(image, (int)U64(image, 48)),
            Damage.FreeSnapshotTable => (ulong)snapshots,
            Damage.FreeInactiveL1 => U64(image, snapshots),
            Damage.FreeInactiveL2 => U64(image, (int)U64(image, snapshots)) & OffsetMask,
            _ => BitmapDirectory(image),
        };
    }

    private static ulong BitmapDirectory(byte[] image)
    {
        for (var at = (int)BinaryPrimitives.ReadUInt32BigEndian(image.AsSpan(100)); ; at += 8 + ((int)(U64(image, at) & 0xffffffff) + 7 & ~7))
        {
            if (U64(image, at) >> 32 == 0x23852875)
                return U64(image, at + 24);
        }
    }

    private static bool IsMarked(string path)
    {
        using var file = File.OpenRead(path);
        file.Position = 79;
        return (file.ReadByte() & 2) != 0;
    }

    private static ulong U64(byte[] image, int at) => BinaryPrimitives.ReadUInt64BigEndian(image.AsSpan(at));
}
