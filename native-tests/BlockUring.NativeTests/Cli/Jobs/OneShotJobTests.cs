using System.Diagnostics;
using System.Globalization;
using BlockUring.NativeTests.Images;
using Xunit;

namespace BlockUring.NativeTests.Cli.Jobs;

/// <summary>Jobs from the command line; QEMU's tools judge what they leave.</summary>
public sealed class OneShotJobTests : IDisposable
{
    private readonly TempFolder folder = new();

    public OneShotJobTests()
    {
        Peer("qemu-img", "create", "-q", "-f", "qcow2", "base.qcow2", "32M");
        Peer("qemu-io", "-c", "write -P 1 0 10M", "-c", "write -P 2 20M 5M", "base.qcow2");
        Peer("qemu-img", "create", "-q", "-f", "qcow2", "-b", "base.qcow2", "-F", "qcow2", "top.qcow2");
        Peer("qemu-io", "-c", "write -P 3 5M 6M", "-c", "write -z 21M 1M", "top.qcow2");
    }

    [Theory]
    [InlineData("raw")]
    [InlineData("qcow2")]
    [InlineData("qcow2", "--compress")]
    [InlineData("qcow2", "--sync", "top")]
    [InlineData("qcow2", "--cache", "unsafe", "--speed", "1G")]
    public void BackupsAreIdentical(string format, params string[] options)
    {
        var (exitCode, output, error) = Program.Run(folder.Path, ["backup", "top.qcow2", "copy", "-O", format, .. options]);
        Assert.Equal((0, ""), (exitCode, error));
        Assert.Matches(@"^[0-9.]+ MiB copied in [0-9.]+ s, .*/s\n$", output);
        Peer("qemu-img", "compare", "-f", "qcow2", "-F", format, "top.qcow2", "copy");
        if (format == "qcow2")
            Peer("qemu-img", "check", "-q", "copy");
    }

    [Theory]
    [InlineData("raw")]
    [InlineData("qcow2")]
    [InlineData("qcow2", "--sync", "top")]
    [InlineData("raw", "--granularity", "512", "--buf-size", "64k")]
    [InlineData("qcow2", "--cache", "unsafe", "--target-is-zero")]
    public void MirrorsAreIdentical(string format, params string[] options)
    {
        var (exitCode, output, error) = Program.Run(folder.Path, ["mirror", "top.qcow2", "copy", "-O", format, .. options]);
        Assert.Equal((0, ""), (exitCode, error));
        Assert.Matches(@"^[0-9.]+ MiB copied in [0-9.]+ s, .*/s\n$", output);
        Peer("qemu-img", "compare", "-f", "qcow2", "-F", format, "top.qcow2", "copy");
        if (format == "qcow2")
            Peer("qemu-img", "check", "-q", "copy");
    }

    [Fact]
    public void WhatFailsLeavesNoTarget()
    {
        Assert.Equal(
            (1, "", "blockuring: 'top.qcow2' cannot be the target: it is the source\n"),
            Program.Run(folder.Path, "backup", "top.qcow2", "top.qcow2"));
        Assert.Equal(1, Program.Run(folder.Path, "backup", "gone", "copy").ExitCode);
        Assert.Equal(
            (1, "", "blockuring: Parameter 'granularity' expects a power of 2\n"),
            Program.Run(folder.Path, "mirror", "top.qcow2", "copy", "--granularity", "1000"));
        Assert.Equal(1, Program.Run(folder.Path, "backup", "top.qcow2", "copy", "-O", "raw", "--compress").ExitCode);
        Assert.False(File.Exists(folder["copy"]));
        File.WriteAllBytes(folder["small"], new byte[65536]);
        Assert.Equal(
            (1, "", "blockuring: Source and target image have different sizes\n"),
            Program.Run(folder.Path, "backup", "top.qcow2", "small", "-O", "raw"));
        Assert.True(File.Exists(folder["small"]));
    }

    [Fact]
    public void ASignalTakesTheTargetBack()
    {
        var backup = Program.Start(folder.Path, "backup", "top.qcow2", "copy", "--speed", "1M", "-p");
        // The progress is shown once the job runs.
        var first = new char[1];
        Assert.Equal(1, backup.StandardOutput.Read(first));
        Assert.True(File.Exists(folder["copy"]));
        using (var kill = Process.Start("kill", ["-TERM", backup.Id.ToString(CultureInfo.InvariantCulture)]))
            kill.WaitForExit();
        Assert.Equal(143, Program.Finish(backup, "").ExitCode);
        Assert.False(File.Exists(folder["copy"]));
    }

    [Fact]
    public void NullReadsEverything()
    {
        var (exitCode, output, error) = Program.Run(folder.Path, "null", "top.qcow2");
        Assert.Equal((0, ""), (exitCode, error));
        Assert.StartsWith("32 MiB read in ", output, StringComparison.Ordinal);
        Assert.Equal(
            (1, "", "blockuring: Could not open 'gone': No such file or directory\n"),
            Program.Run(folder.Path, "null", "gone"));
    }

    public void Dispose() => folder.Dispose();

    private void Peer(params string[] command)
    {
        var (exitCode, output, error) = Program.RunPeer(folder.Path, command);
        Assert.True(exitCode == 0, $"{string.Join(' ', command)}: {output}{error}");
    }
}
