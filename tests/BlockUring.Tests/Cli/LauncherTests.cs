using Xunit;

namespace BlockUring.Tests.Cli;

public sealed class LauncherTests
{
    [Fact]
    public void UnderTheNameQemuImgItIsQemuImg()
    {
        var run = CommandLineRun.As("/some/where/qemu-img", "--version");
        Assert.Equal(0, run.ExitCode);
        Assert.Matches(@"^qemu-img version 7\.2\.\d+ \(blockuring \d+\.\d+\.\d+\)\n$", run.Output);
    }

    [Fact]
    public void UnderItsOwnNameItStatesItsOwnVersion()
    {
        Assert.StartsWith("blockuring version 0.1.0\n", CommandLineRun.As("blockuring", "--version").Output, StringComparison.Ordinal);
        Assert.Equal("blockuring version 0.1.0\n", CommandLineRun.As("blockuring", "img", "-V").Output);
    }

    [Fact]
    public void MessagesNameTheProgramAndItsHelp()
    {
        var own = CommandLineRun.As("blockuring", "img", "zork");
        Assert.Equal(new(1, "", "blockuring: Command not found: zork\nTry 'blockuring img --help' for more information\n"), own);
        var compatible = CommandLineRun.As("qemu-img", "zork");
        Assert.Equal(new(1, "", "qemu-img: Command not found: zork\nTry 'qemu-img --help' for more information\n"), compatible);
        var root = CommandLineRun.As("blockuring", "zork");
        Assert.Equal(new(1, "", "blockuring: Command not found: zork\nTry 'blockuring --help' for more information\n"), root);
    }

    [Fact]
    public void HelpListsCommandsAndFormats()
    {
        var help = CommandLineRun.As("qemu-img", "--help").Output;
        Assert.Contains("\n  convert ", help, StringComparison.Ordinal);
        Assert.Contains("\nSupported formats: luks qcow2 raw\n", help, StringComparison.Ordinal);
        Assert.Contains("img", CommandLineRun.As("blockuring", "--help").Output, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("bench")]
    [InlineData("check")]
    [InlineData("compare")]
    [InlineData("convert")]
    [InlineData("create")]
    [InlineData("info")]
    [InlineData("map")]
    [InlineData("measure")]
    [InlineData("bitmap")]
    [InlineData("commit")]
    [InlineData("dd")]
    [InlineData("rebase")]
    [InlineData("resize")]
    [InlineData("snapshot")]
    public void EveryCommandShowsItsOptions(string command)
    {
        var run = CommandLineRun.As("qemu-img", command, "--help", "--no-such-option");
        Assert.Equal(0, run.ExitCode);
        Assert.Contains($"Usage: qemu-img {command} [options]", run.Output, StringComparison.Ordinal);
        Assert.Contains("  -h, --help ", run.Output, StringComparison.Ordinal);
        Assert.Equal("", run.Error);
    }
}
