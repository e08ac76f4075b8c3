using System.Diagnostics;
using BlockUring.NativeTests.Storage;
using Xunit;
using Tool = BlockUring.NativeTests.Images.Tool;

namespace BlockUring.NativeTests.Img;

/// <summary>`img convert` that cannot go well: one message, exit code 1, and no harm done.</summary>
public sealed class ConvertFailureTests : ConvertTestBase
{
    [Fact]
    public async Task A_missing_source_makes_no_target()
    {
        Assert.Contains("No such file", await Program.FailAsync("convert", "-O", "qcow2", Folder["nope"], Folder["t"]));
        Assert.False(File.Exists(Folder["t"]));
    }

    [Theory]
    [InlineData("raw", "raw", "")]
    [InlineData("qcow2", "qcow2", "")]
    [InlineData("raw", "raw", "-n")]
    [InlineData("qcow2", "qcow2", "-n")]
    [InlineData("raw", "raw", "-U")]
    [InlineData("qcow2", "qcow2", "-U -n")]
    public async Task A_source_is_not_its_own_target(string format, string targetFormat, string more)
    {
        var source = await MakeAsync("s", format, "2M", "write -P 1 0 2M");
        var before = await File.ReadAllBytesAsync(source, TestContext.Current.CancellationToken);
        File.CreateSymbolicLink(Folder["link"], source);
        string[] options = ["convert", .. more.Split(' ', StringSplitOptions.RemoveEmptyEntries), "-f", format, "-O", targetFormat, source];
        await Program.FailAsync([.. options, source]);
        await Program.FailAsync([.. options, Folder["link"]]);
        Assert.Equal(before, await File.ReadAllBytesAsync(source, TestContext.Current.CancellationToken));
    }

    [Fact]
    public async Task A_backing_file_of_the_source_is_not_its_target()
    {
        var backing = await MakeAsync("base", "raw", "2M", "write -P 1 0 2M");
        await Tool.RunAsync("qemu-img", "create", "-q", "-f", "qcow2", "-b", backing, "-F", "raw", Folder["s"]);
        var before = await File.ReadAllBytesAsync(backing, TestContext.Current.CancellationToken);
        await Program.FailAsync("convert", "-O", "raw", Folder["s"], backing);
        Assert.Equal(before, await File.ReadAllBytesAsync(backing, TestContext.Current.CancellationToken));
    }

    [Fact]
    public async Task A_read_only_target_and_one_that_is_too_small_are_refused()
    {
        var source = await MakeAsync("s", "raw", "2M", "write -P 1 0 2M");
        var small = await MakeAsync("small", "raw", "1M", "write -P 2 0 1M");
        Assert.Contains("output file is smaller than input file", await Program.FailAsync("convert", "-n", "-O", "raw", source, small));
        await Tool.RunAsync("qemu-io", "-f", "raw", "-r", "-c", "read -P 2 0 1M", small);
        Assert.Contains("No such file", await Program.FailAsync("convert", "-O", "raw", source, Folder["no/such/folder"]));
        await Program.FailAsync("convert", "-n", "-O", "raw", source, "/proc/version");
        await Program.FailAsync("convert", "-O", "raw", source, Folder.Path);
    }

    [Theory]
    [InlineData("raw", "-q")]
    [InlineData("qcow2", "-q")]
    [InlineData("qcow2", "-c")]
    public async Task A_target_that_fills_up_gives_one_message(string format, string more)
    {
        using var place = HostPlace.Make("tmpfs", "size=1m");
        var noise = new byte[4 << 20];
        new Random(1).NextBytes(noise);
        await File.WriteAllBytesAsync(Folder["s"], noise, TestContext.Current.CancellationToken);
        var message = await Program.FailAsync("convert", more, "-f", "raw", "-O", format, Folder["s"], place.Path);
        Assert.Contains("No space left on device", message);
        Assert.Single(message.TrimEnd().Split('\n'));
        if (format == "qcow2")
            await AssertUnrecognisableAsync(place.Path);
    }

    [Fact]
    public async Task A_truncated_or_broken_source_gives_one_message()
    {
        var source = await MakeAsync("s", "qcow2", "2M", "write -P 1 0 2M");
        await Tool.RunAsync("truncate", "-s", "200000", source);
        await Program.TryImgAsync("convert", "-f", "qcow2", "-O", "raw", source, Folder["t"]);
        await Tool.RunAsync("truncate", "-s", "100", source);
        await Program.FailAsync("convert", "-f", "qcow2", "-O", "raw", source, Folder["t"]);
        await File.WriteAllBytesAsync(source, [], TestContext.Current.CancellationToken);
        await Program.FailAsync("convert", "-f", "qcow2", "-O", "raw", source, Folder["t"]);
        await Program.ImgAsync("convert", "-f", "raw", "-O", "raw", source, Folder["t"]);
        Assert.Equal(0, new FileInfo(Folder["t"]).Length);
        await Program.ImgAsync("convert", "-f", "raw", "-O", "qcow2", "-c", source, Folder["t"]);
        await AssertCleanAsync(Folder["t"]);
    }

    [Theory]
    [InlineData("raw", "-INT", 130, "-q")]
    [InlineData("qcow2", "-INT", 130, "-q")]
    [InlineData("qcow2", "-TERM", 143, "-c")]
    [InlineData("qcow2", "-HUP", 129, "-odata_file_raw=on,data_file=@d")]
    public async Task An_interrupted_copy_removes_its_target(string format, string signal, int exitCode, string more)
    {
        var source = await MakeAsync("s", "raw", "64M", "write -P 1 0 8M");
        more = more.Replace("@", Folder.Path + "/", StringComparison.Ordinal);
        using var copy = Program.StartImg("convert", "-r", "1M", more, "-f", "raw", "-O", format, source, Folder["t"]);
        await UntilAsync(copy, () => File.Exists(Folder["t"]) && new FileInfo(Folder["t"]).Length > 0);
        await Task.Delay(500, TestContext.Current.CancellationToken);
        var clock = Stopwatch.StartNew();
        await Tool.RunAsync("kill", signal, $"{copy.Id}");
        await copy.WaitForExitAsync(TestContext.Current.CancellationToken);
        Assert.Equal(exitCode, copy.ExitCode);
        Assert.True(clock.Elapsed < TimeSpan.FromSeconds(10), $"it took {clock.Elapsed}");
        Assert.False(File.Exists(Folder["t"]) || File.Exists(Folder["d"]));
    }

    [Fact]
    public async Task A_killed_copy_leaves_nothing_that_looks_whole()
    {
        var source = await MakeAsync("s", "raw", "64M", "write -P 1 0 8M");
        using var copy = Program.StartImg("convert", "-r", "1M", "-f", "raw", "-O", "qcow2", source, Folder["t"]);
        await UntilAsync(copy, () => File.Exists(Folder["t"]) && new FileInfo(Folder["t"]).Length > 1 << 20);
        await Tool.RunAsync("kill", "-KILL", $"{copy.Id}");
        await copy.WaitForExitAsync(TestContext.Current.CancellationToken);
        await AssertUnrecognisableAsync(Folder["t"]);
    }

    private static async Task AssertUnrecognisableAsync(string path)
    {
        // Why -U: the kernel may tear the ring of a killed process down, and let its files and their locks go, somewhat after its end.
        var (exitCode, _, error) = await Tool.TryRunAsync("qemu-img", "info", "-U", "-f", "qcow2", path);
        Assert.Equal(1, exitCode);
        Assert.Contains("not in qcow2 format", error);
    }

    private static async Task UntilAsync(Process process, Func<bool> isSo)
    {
        for (var i = 0; i < 1200 && !isSo(); i++)
        {
            Assert.False(process.HasExited, "It has ended already: " + (process.HasExited ? await process.StandardError.ReadToEndAsync() : ""));
            await Task.Delay(50);
        }

        Assert.True(isSo());
    }
}
