using System.Globalization;
using BlockUring.Images;
using BlockUring.Native.Memory;
using BlockUring.NativeTests.Img;
using BlockUring.NativeTests.Uring;
using BlockUring.Storage;
using Xunit;

namespace BlockUring.NativeTests.Images.Qcow2;

/// <summary>Discards and new sizes, by us and by qemu-io and qemu-img, on the same images.</summary>
public sealed class DiscardAndResizeTests(ITestOutputHelper output) : IDisposable
{
    private readonly TempFolder folder = new();
    private readonly BufferPool buffers = new(256 << 20);

    public void Dispose()
    {
        folder.Dispose();
        buffers.Dispose();
    }

    [Theory]
    [MemberData(nameof(Seeds))]
    public async Task Discards_leave_what_qemu_io_leaves(int seed)
    {
        var random = new Random(seed);
        var (ours, format) = await new RandomImages(folder, random).MakeAsync("image");
        var theirs = folder["theirs"];
        File.Copy(ours, theirs);
        var image = await OpenAsync(ours, format);
        image.Format.PassesDiscards = true;
        var commands = new List<string> { "-f", format, "-d", "unmap" };
        for (var i = 0; i < 10; i++)
        {
            var offset = random.NextInt64(image.Length) & -512;
            var length = random.Next(4) == 0 ? image.Length - offset : Math.Min(image.Length - offset, random.Next(1, 3000) * 512L);
            output.WriteLine($"discard {offset} {length}");
            commands.AddRange(["-c", $"discard {offset} {length}"]);
            await image.DiscardAsync(offset, length);
        }

        await image.FlushAsync();
        await image.DisposeAsync();
        await Tool.RunAsync("qemu-io", [.. commands, theirs]);
        if (format == "qcow2")
        {
            await AssertCleanAsync(ours);
            await Tool.RunAsync("qemu-img", "compare", "-f", format, "-F", format, ours, theirs);
            Assert.Equal(await MapAsync(theirs, format), await MapAsync(ours, format));
        }
    }

    [Theory]
    [MemberData(nameof(Seeds))]
    public async Task Sizes_change_as_qemu_img_changes_them(int seed)
    {
        var random = new Random(seed);
        var (ours, format) = await new RandomImages(folder, random).MakeAsync("image");
        var theirs = folder["theirs"];
        File.Copy(ours, theirs);
        var expected = await ContentAsync(ours, format);
        for (var i = 0; i < 4; i++)
        {
            var length = (random.Next(3) == 0 ? random.NextInt64(512, 20 << 20) : Math.Max(512, expected.Length + random.NextInt64(-300_000, 300_000))) & -512;
            output.WriteLine($"from {expected.Length} to {length}");
            var error = await ResizeAsync(ours, format, length);
            string[] arguments = ["resize", "-f", format, "--shrink", theirs, length.ToString(CultureInfo.InvariantCulture)];
            var (exitCode, _, theirError) = await Tool.TryRunAsync("qemu-img", arguments);
            if (error != null)
            {
                Assert.Equal($"qemu-img: {error}\n", theirError);
                continue;
            }

            // Version 2 has no zero clusters, by which alone QEMU hides a longer backing file.
            if (theirError.Contains("Failed to zero out new clusters", StringComparison.Ordinal))
                File.Copy(ours, theirs, overwrite: true);
            else
                Assert.True(exitCode == 0, theirError);
            Array.Resize(ref expected, (int)length);
            if (format == "qcow2")
                await AssertCleanAsync(ours);
            var actual = await ContentAsync(ours, format);
            Assert.True(actual.AsSpan().SequenceEqual(expected), $"other bytes at {length}");

            // What is behind the end when qemu-img shrinks an image comes up again when it grows it: its bytes are what they are.
            await ContentAsync(theirs, format);
            var image = await OpenAsync(theirs, format);
            await Oracle.AssertSameContentAsync(image, folder["raw"]);
            await image.DisposeAsync();
        }
    }

    [Fact]
    public async Task A_shrunk_file_is_no_longer_than_qemu_imgs()
    {
        var (ours, theirs) = (folder["ours"], folder["theirs"]);
        await Tool.RunAsync("qemu-img", "create", "-q", "-f", "qcow2", ours, "64M");
        await Tool.RunAsync("qemu-io", "-f", "qcow2", "-c", "write -P 1 0 64M", ours);
        File.Copy(ours, theirs);
        Assert.Null(await ResizeAsync(ours, "qcow2", 3 << 20));
        await Tool.RunAsync("qemu-img", "resize", "-f", "qcow2", "--shrink", theirs, "3M");
        Assert.InRange(new FileInfo(ours).Length, 3 << 20, new FileInfo(theirs).Length);
        await AssertCleanAsync(ours);
    }

    [Fact]
    public async Task A_table_that_outgrows_its_place_moves()
    {
        var path = folder["image"];
        await Tool.RunAsync("qemu-img", "create", "-q", "-f", "qcow2", "-o", "cluster_size=4096", path, "8M");
        await Tool.RunAsync("qemu-io", "-f", "qcow2", "-c", "write -P 7 1M 6M", path);
        Assert.Null(await ResizeAsync(path, "qcow2", 1L << 40));
        await AssertCleanAsync(path);
        await Tool.RunAsync("qemu-io", "-f", "qcow2", "-c", "write -P 9 1099511623680 4096", "-c", "read -P 7 1M 6M", "-c", "read -P 0 8M 100M", path);
        Assert.Null(await ResizeAsync(path, "qcow2", 2 << 20));
        await AssertCleanAsync(path);
        await Tool.RunAsync("qemu-io", "-f", "qcow2", "-c", "read -P 7 1M 1M", path);
    }

    [Fact]
    public async Task Refusals_are_in_qemu_imgs_words()
    {
        var path = folder["v2"];
        await Tool.RunAsync("qemu-img", "create", "-q", "-f", "qcow2", "-o", "compat=0.10", path, "1M");
        await AssertSameRefusalAsync(path, "qcow2", (1 << 20) + 1, "The new size must be a multiple of 512");
        await Tool.RunAsync("qemu-img", "snapshot", "-c", "a", path);
        await AssertSameRefusalAsync(path, "qcow2", 2 << 20, "Can't resize a v2 image which has snapshots");
        var small = folder["small"];
        await Tool.RunAsync("qemu-img", "create", "-q", "-f", "qcow2", "-o", "cluster_size=512", small, "1M");
        await AssertSameRefusalAsync(small, "qcow2", 1L << 40, "Failed to grow the L1 table: File too large");
    }

    [Fact]
    public async Task What_is_discarded_takes_no_space_in_the_file_once_flushed()
    {
        var path = folder["image"];
        await Tool.RunAsync("qemu-img", "create", "-q", "-f", "qcow2", path, "16M");
        await Tool.RunAsync("qemu-io", "-f", "qcow2", "-c", "write -P 1 0 16M", path);
        var before = await AllocatedAsync(path);
        RingHost.Run(async thread =>
        {
            var settings = new ImageOpenSettings(new LinuxFileHost(thread), new FileOpenOptions(ReadOnly: false));
            var image = await BackingChain.OpenAsync(path, "qcow2", settings);
            image.Format.PassesDiscards = true;
            await image.DiscardAsync(1 << 20, 8 << 20);
            await image.FlushAsync();
            await image.DisposeAsync();
        });
        Assert.InRange(await AllocatedAsync(path), 1, before - (7 << 20));
        await AssertCleanAsync(path);
        await Tool.RunAsync("qemu-io", "-f", "qcow2", "-c", "read -P 1 0 1M", "-c", "read -P 0 1M 8M", "-c", "read -P 1 9M 7M", path);
    }

    public static TheoryData<int> Seeds()
    {
        var first = Environment.GetEnvironmentVariable("BLOCKURING_SEED") is { } seed ? int.Parse(seed, CultureInfo.InvariantCulture) : 1;
        return [.. Enumerable.Range(first, 12)];
    }

    private ValueTask<Image> OpenAsync(string path, string format) => BackingChain.OpenAsync(
        path, format, new ImageOpenSettings(new PlainFileHost(buffers), new FileOpenOptions(ReadOnly: false)));

    private async Task<string?> ResizeAsync(string path, string format, long length)
    {
        var image = await OpenAsync(path, format);
        try
        {
            await image.ResizeAsync(length);
            Assert.Equal(length, image.Length);
            return null;
        }
        catch (BlockException e)
        {
            return e.Message;
        }
        finally
        {
            await image.FlushAsync();
            await image.DisposeAsync();
        }
    }

    private async Task AssertSameRefusalAsync(string path, string format, long length, string words)
    {
        Assert.Equal(words, await ResizeAsync(path, format, length));
        var (exitCode, _, error) = await Tool.TryRunAsync(
            "qemu-img", "resize", "-f", format, path, length.ToString(CultureInfo.InvariantCulture));
        Assert.Equal((1, $"qemu-img: {words}\n"), (exitCode, error));
    }

    private async Task<byte[]> ContentAsync(string path, string format)
    {
        await Tool.RunAsync("qemu-img", "convert", "-f", format, "-O", "raw", path, folder["raw"]);
        return await File.ReadAllBytesAsync(folder["raw"]);
    }

    private static Task<string> MapAsync(string path, string format) => Tool.RunAsync("qemu-img", "map", "-f", format, "--output=json", path);

    private static async Task<long> AllocatedAsync(string path) =>
        512 * long.Parse(await Tool.RunAsync("stat", "-c", "%b", path), CultureInfo.InvariantCulture);

    private static async Task AssertCleanAsync(string path)
    {
        var (exitCode, text, error) = await Tool.TryRunAsync("qemu-img", "check", "-f", "qcow2", path);
        Assert.True(exitCode == 0, $"{path}\n{text}{error}");
    }
}
