using BlockUring.NativeTests.Images;
using Xunit;

namespace BlockUring.NativeTests.Img;

/// <summary>What `img bench -w` has written is there for others when it has ended.</summary>
public sealed class BenchTests : ConvertTestBase
{
    [Theory]
    [InlineData("qcow2", "writeback")]
    [InlineData("qcow2", "none")]
    [InlineData("raw", "none")]
    public async Task WhatWasWrittenIsThereAfterwards(string format, string cache)
    {
        var path = Path.Combine(Folder.Path, "image");
        await Tool.RunAsync("qemu-img", "create", "-q", "-f", format, path, "16M");
        var (exitCode, _, error) = await Program.TryImgAsync(
            "bench", "-f", format, "-t", cache, "-w", "--pattern=165", "-c", "128", "-s", "4096", "-S", "131072", path);
        Assert.Equal((0, ""), (exitCode, error));
        var read = await Tool.RunAsync("qemu-io", "-f", format, "-c", "read -P 165 0 4k", "-c", "read -P 165 16256k 4k", "-c", "read -P 0 4k 124k", path);
        Assert.DoesNotContain("failed", read, StringComparison.Ordinal);
        if (format == "qcow2")
            Assert.Contains("No errors were found on the image.", await Tool.RunAsync("qemu-img", "check", path), StringComparison.Ordinal);
    }
}
