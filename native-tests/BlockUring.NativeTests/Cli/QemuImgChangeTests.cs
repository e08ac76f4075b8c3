using System.Text.RegularExpressions;
using BlockUring.Cli;
using BlockUring.Cli.Output;
using Xunit;

namespace BlockUring.NativeTests.Cli;

/// <summary>
/// The same command lines that change images to qemu-img and to us, each on a copy of its own: output, messages, exit codes and what has become of the
/// images must be the same.
/// </summary>
/// <remarks>An @ stands for the folder.</remarks>
public sealed partial class QemuImgChangeTests(ChangedImages images) : IClassFixture<ChangedImages>
{
    [Theory]
    [InlineData("resize")]
    [InlineData("resize @a.raw")]
    [InlineData("resize -f")]
    [InlineData("resize @a.raw zork")]
    [InlineData("resize @a.raw ''")]
    [InlineData("resize -f raw @a.raw +")]
    [InlineData("resize -f raw @a.raw -")]
    [InlineData("resize -f raw @a.raw +-1")]
    [InlineData("resize -f raw @a.raw ++1k")]
    [InlineData("resize -f raw @a.raw 99999999999999999999")]
    [InlineData("resize -f raw @a.raw 9E")]
    [InlineData("resize -f raw @a.raw +8E")]
    [InlineData("resize -f raw @a.raw 7E")]
    [InlineData("resize -f raw @a.raw 9223372036854775807")]
    [InlineData("resize -f raw @a.raw 9223372036854775000")]
    [InlineData("resize @a.raw 2M")]
    [InlineData("resize @a.raw 1M")]
    [InlineData("resize @a.raw 512k")]
    [InlineData("resize --shrink @a.raw 512k")]
    [InlineData("resize -f raw --shrink @a.raw -512k")]
    [InlineData("resize -f raw @a.raw --shrink -512k")]
    [InlineData("resize -f raw --shrink @a.raw -1M")]
    [InlineData("resize -f raw @a.raw 5000")]
    [InlineData("resize -f raw --shrink @a.raw 5000")]
    [InlineData("resize -f raw @a.raw +1000")]
    [InlineData("resize -f raw @a.raw 1M x")]
    [InlineData("resize -f raw x @a.raw 1M")]
    [InlineData("resize --preallocation=zork @a.raw 2M")]
    [InlineData("resize --preallocation -f raw @a.raw 2M")]
    [InlineData("resize -f raw --preallocation=off @a.raw 2M")]
    [InlineData("resize -f raw --preallocation=metadata @a.raw 2M")]
    [InlineData("resize -f raw --preallocation=falloc @a.raw 2M")]
    [InlineData("resize -f raw --preallocation=full @a.raw 2M")]
    [InlineData("resize -f raw --preallocation=full @a.raw 1M")]
    [InlineData("resize -f raw --shrink --preallocation=full @a.raw 512k")]
    [InlineData("resize -q -f raw @a.raw 2M")]
    [InlineData("resize -z @a.raw 2M")]
    [InlineData("resize @nope 2M")]
    [InlineData("resize '' 2M")]
    [InlineData("resize -f zork @a.raw 2M")]
    [InlineData("resize -f qcow2 @a.raw 2M")]
    [InlineData("resize @a.qcow2 2M")]
    [InlineData("resize @a.qcow2 -512k")]
    [InlineData("resize --shrink @a.qcow2 -512k")]
    [InlineData("resize @a.qcow2 +0")]
    [InlineData("resize @a.qcow2 +1000")]
    [InlineData("resize @a.qcow2 8191P")]
    [InlineData("resize --preallocation=metadata @a.qcow2 8191P")]
    [InlineData("resize --preallocation=metadata @a.qcow2 5M")]
    [InlineData("resize --preallocation=falloc @a.qcow2 5M")]
    [InlineData("resize --preallocation=full @a.qcow2 5M")]
    [InlineData("resize --preallocation=full @a.qcow2 1M")]
    [InlineData("resize --preallocation=metadata @cut.qcow2 4M")]
    [InlineData("resize --preallocation=falloc @cut.qcow2 4M")]
    [InlineData("resize @cut.qcow2 4M")]
    [InlineData("resize --shrink @top.qcow2 1M")]
    [InlineData("resize @top.qcow2 +3M")]
    [InlineData("resize @v2.qcow2 +3M")]
    [InlineData("resize --preallocation=metadata @v2.qcow2 +3M")]
    [InlineData("resize --preallocation=full @sub.qcow2 +3M")]
    [InlineData("resize @snap.qcow2 2M")]
    [InlineData("resize --shrink @snap.qcow2 512k")]
    [InlineData("resize @snap2.qcow2 2M")]
    [InlineData("resize @bitmap.qcow2 2M")]
    [InlineData("resize --shrink @bitmap.qcow2 512k")]
    [InlineData("resize @df.qcow2 2M")]
    [InlineData("resize --preallocation=full @df.qcow2 2M")]
    [InlineData("resize --image-opts driver=qcow2,file.filename=@a.qcow2 2M")]
    [InlineData("resize --image-opts -f qcow2 @a.qcow2 2M")]
    [InlineData("resize --image-opts zork 2M")]
    [InlineData("resize --object zork @a.raw 2M")]
    public void ResizeDoesWhatQemuImgDoes(string line) => Compare(line);

    [Theory]
    [InlineData("rebase")]
    [InlineData("rebase @top.qcow2")]
    [InlineData("rebase -b @base.raw")]
    [InlineData("rebase -b @base.raw @top.qcow2 x")]
    [InlineData("rebase -z @top.qcow2")]
    [InlineData("rebase @top.qcow2 -b")]
    [InlineData("rebase -t zork -b '' @top.qcow2")]
    [InlineData("rebase -T zork -b '' @top.qcow2")]
    [InlineData("rebase -b '' @nope")]
    [InlineData("rebase -f zork -b '' @top.qcow2")]
    [InlineData("rebase -f raw -b '' @top.qcow2")]
    [InlineData("rebase -b '' @a.raw")]
    [InlineData("rebase -b base.raw -F raw @a.raw")]
    [InlineData("rebase -b base.raw @a.raw")]
    [InlineData("rebase -b base.raw -F zork @top.qcow2")]
    [InlineData("rebase -u -b base.raw -F zork @top.qcow2")]
    [InlineData("rebase -b base.raw @top.qcow2")]
    [InlineData("rebase -u -b base.raw @top.qcow2")]
    [InlineData("rebase -u -b nope -F raw @top.qcow2")]
    [InlineData("rebase -u -F raw @top.qcow2")]
    [InlineData("rebase -u @top.qcow2")]
    [InlineData("rebase -u -b '' @top.qcow2")]
    [InlineData("rebase -u -b '' -F raw @top.qcow2")]
    [InlineData("rebase -u -b x @a.raw")]
    [InlineData("rebase -u -b x -F raw @a.raw")]
    [InlineData("rebase -b nope -F raw @top.qcow2")]
    [InlineData("rebase -b foo:bar -F raw @top.qcow2")]
    [InlineData("rebase -b base.raw -F raw @top.qcow2")]
    [InlineData("rebase -f qcow2 -b base.raw -F raw @top.qcow2")]
    [InlineData("rebase -b @base.raw -F raw @top.qcow2")]
    [InlineData("rebase -b mid.qcow2 -F qcow2 @top.qcow2")]
    [InlineData("rebase -b long.raw -F raw @top.qcow2")]
    [InlineData("rebase -b other.qcow2 -F qcow2 @top.qcow2")]
    [InlineData("rebase -t none -T none -b other.qcow2 -F qcow2 @top.qcow2")]
    [InlineData("rebase -b a.qcow2 -F qcow2 @top.qcow2")]
    [InlineData("rebase -b '' @top.qcow2")]
    [InlineData("rebase -q -b '' @top.qcow2")]
    [InlineData("rebase -p -q -b '' @top.qcow2")]
    [InlineData("rebase -U -b '' @top.qcow2")]
    [InlineData("rebase -b other.qcow2 -F qcow2 @v2.qcow2")]
    [InlineData("rebase -b '' @v2.qcow2")]
    [InlineData("rebase -b other.qcow2 -F qcow2 @sub.qcow2")]
    [InlineData("rebase -b '' @sub.qcow2")]
    [InlineData("rebase -b other.qcow2 -F qcow2 @a.qcow2")]
    [InlineData("rebase -b long.raw -F raw @cut.qcow2")]
    [InlineData("rebase -b other.qcow2 -F qcow2 @snap.qcow2")]
    [InlineData("rebase -b other.qcow2 -F qcow2 @bitmap.qcow2")]
    [InlineData("rebase -b base.raw -F raw @df.qcow2")]
    [InlineData("rebase -u -b base.raw -F raw @df.qcow2")]
    [InlineData("rebase --image-opts -b base.raw -F raw driver=qcow2,file.filename=@top.qcow2")]
    [InlineData("rebase --image-opts -f qcow2 -b base.raw -F raw @top.qcow2")]
    [InlineData("rebase --object zork -b '' @top.qcow2")]
    public void RebaseDoesWhatQemuImgDoes(string line) => Compare(line);

    [Theory]
    [InlineData("dd")]
    [InlineData("dd if=@base.raw")]
    [InlineData("dd of=@out")]
    [InlineData("dd zork")]
    [InlineData("dd zork=1 if=@base.raw of=@out")]
    [InlineData("dd -z if=@base.raw of=@out")]
    [InlineData("dd -n if=@base.raw of=@out")]
    [InlineData("dd if=@base.raw of=@out -O")]
    [InlineData("dd bs=zork if=@base.raw of=@out")]
    [InlineData("dd bs=0 if=@base.raw of=@out")]
    [InlineData("dd bs=2G if=@base.raw of=@out")]
    [InlineData("dd bs= if=@base.raw of=@out")]
    [InlineData("dd count=zork if=@base.raw of=@out")]
    [InlineData("dd count=-1 if=@base.raw of=@out")]
    [InlineData("dd skip=zork if=@base.raw of=@out")]
    [InlineData("dd skip=9E if=@base.raw of=@out")]
    [InlineData("dd if=@nope of=@out")]
    [InlineData("dd if=@base.raw of=@nope/out")]
    [InlineData("dd if=@base.raw of=foo:out")]
    [InlineData("dd -f zork if=@base.raw of=@out")]
    [InlineData("dd -O zork if=@base.raw of=@out")]
    [InlineData("dd -f qcow2 if=@base.raw of=@out")]
    [InlineData("dd if=@base.raw of=@out")]
    [InlineData("dd -f raw -O qcow2 if=@base.raw of=@out")]
    [InlineData("dd if=@top.qcow2 of=@out")]
    [InlineData("dd -O qcow2 if=@top.qcow2 of=@out")]
    [InlineData("dd -U -O qcow2 if=@top.qcow2 of=@out")]
    [InlineData("dd bs=1M count=2 if=@top.qcow2 of=@out")]
    [InlineData("dd bs=1M skip=1 if=@top.qcow2 of=@out")]
    [InlineData("dd bs=1M skip=1 count=2 if=@top.qcow2 of=@out")]
    [InlineData("dd bs=1M skip=2 count=1 if=@top.qcow2 of=@out")]
    [InlineData("dd bs=1M skip=5 if=@top.qcow2 of=@out")]
    [InlineData("dd bs=1M skip=6 if=@top.qcow2 of=@out")]
    [InlineData("dd bs=1M skip=8E if=@top.qcow2 of=@out")]
    [InlineData("dd bs=1M skip=7E count=7E if=@top.qcow2 of=@out")]
    [InlineData("dd count=0 if=@top.qcow2 of=@out")]
    [InlineData("dd bs=1000 count=3 if=@top.qcow2 of=@out")]
    [InlineData("dd bs=1000 skip=7 -O qcow2 if=@top.qcow2 of=@out")]
    [InlineData("dd bs=1 count=1 if=@top.qcow2 of=@out")]
    [InlineData("dd bs=4k bs=1k count=0x10 if=@top.qcow2 of=@out")]
    [InlineData("dd --image-opts if=driver=qcow2,file.filename=@top.qcow2 of=@out")]
    [InlineData("dd --image-opts -f qcow2 if=@top.qcow2 of=@out")]
    public void DdDoesWhatQemuImgDoes(string line) => Compare(line);

    private void Compare(string line)
    {
        if (!QemuImgImages.IsAvailable)
            Assert.Skip("qemu-img is not installed");
        var (theirs, ours) = (images.Copy(line), images.Copy(line));
        var expected = QemuImgImages.RunQemuImg(ChangedImages.Words(line, theirs));
        using var output = new StringWriter();
        using var error = new StringWriter();
        using var streams = new CommandOutput(output, error);
        var exitCode = Launcher.Run("qemu-img", ChangedImages.Words(line, ours), streams);
        Assert.Equal(expected.Output.Replace(theirs, "FOLDER"), output.ToString().Replace(ours, "FOLDER"));
        Assert.Equal(expected.Error.Replace(theirs, "FOLDER"), error.ToString().Replace(ours, "FOLDER"));
        Assert.Equal(expected.ExitCode, exitCode);
        if (exitCode == 0 || line.StartsWith("rebase", StringComparison.Ordinal))
            CompareImages($"{theirs}/{Changed(line)}", $"{ours}/{Changed(line)}");
        Directory.Delete(theirs, recursive: true);
        Directory.Delete(ours, recursive: true);
    }

    private static string Changed(string line) => ImageName().Matches(line) is { Count: > 0 } names ? names[^1].Groups[1].Value : "none";

    private static void CompareImages(string theirs, string ours)
    {
        var description = ChangedImages.Describe(theirs)?.Replace(Path.GetDirectoryName(theirs)!, "FOLDER");
        Assert.Equal(description, ChangedImages.Describe(ours)?.Replace(Path.GetDirectoryName(ours)!, "FOLDER"));
        if (description == null)
            return;

        // Two that cannot be opened, since their backing file is missing, are the same, too.
        var (exitCode, output, _) = QemuImgImages.RunQemuImg(["compare", theirs, ours]);
        Assert.True(exitCode is 0 or 2, output);
        if (exitCode == 2 || !description.Contains("format qcow2", StringComparison.Ordinal))
            return;
        (exitCode, output, _) = QemuImgImages.RunQemuImg(["check", ours]);
        Assert.True(exitCode == 0, output);
    }

    [GeneratedRegex(@"@([\w.]+)")]
    private static partial Regex ImageName();
}
