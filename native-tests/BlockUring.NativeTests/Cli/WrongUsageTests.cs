using BlockUring.Cli;
using BlockUring.Cli.Output;
using Xunit;

namespace BlockUring.NativeTests.Cli;

/// <summary>Each kind of wrong usage, of every subcommand: messages and exit codes are those of qemu-img.</summary>
/// <remarks>An @ stands for the folder of the test's images, which none of these commands changes.</remarks>
public sealed class WrongUsageTests(QemuImgImages images) : IClassFixture<QemuImgImages>
{
    private static readonly string[] Usages =
    [
        "", "-z", "--zork", "--zork=1 x", "-f", "--object", "--object zork a", "--object secret,id=x a", "a b c d", "@nonex", "''", "foo:bar",
        "-f zork @a.raw", "-f qcow2 @a.raw", "-f raw @nonex", "-q @nonex", "-U @nonex", "-p @nonex", "-t zork @a.raw", "-T zork @a.raw", "-O zork @nonex",
        "--image-opts zork", "--image-opts", "--image-opts=1 @a.raw", "--image-opts -f raw @a.raw", "--image-opts driver=zork,file.filename=@a.raw",
        "--output=zork @a.raw", "-o zork @nonex", "-b", "-b @nonex @nonex", "-c @nonex", "-r zork @nonex", "-- -f",
    ];

    [Theory]
    [InlineData("amend")]
    [InlineData("bench")]
    [InlineData("bitmap")]
    [InlineData("check")]
    [InlineData("commit")]
    [InlineData("compare")]
    [InlineData("convert")]
    [InlineData("create")]
    [InlineData("dd")]
    [InlineData("info")]
    [InlineData("map")]
    [InlineData("measure")]
    [InlineData("rebase")]
    [InlineData("resize")]
    [InlineData("snapshot")]
    public void WrongUsageIsAnsweredAsByQemuImg(string command) => Compare(Usages.Select(u => $"{command} {u}".TrimEnd()));

    [Fact]
    public void GeneralOptionsAreAnsweredAsByQemuImg() => Compare(
    [
        "zork", "zork --help", "help", "-z", "--zork", "--zork info", "-T", "--trace", "--trace= info @nonex", "-T events=@a.raw info @nonex",
        "-- info @nonex", "--version=3", "-hz zork", "-Vz zork", "''",
    ]);

    [Fact]
    public void CacheOptionsAreCheckedAsByQemuImg() => Compare(((string[])
    [
        "cache-size=1M,l2-cache-size=512k,refcount-cache-size=256k", "cache-size=1M,l2-cache-size=2M", "cache-size=1M,refcount-cache-size=2M",
        "cache-size=2M,l2-cache-size=1M", "cache-size=2M,refcount-cache-size=1M", "cache-size=0", "cache-size=1", "l2-cache-size=0", "refcount-cache-size=0",
        "l2-cache-entry-size=100", "l2-cache-entry-size=256", "l2-cache-entry-size=128k", "l2-cache-entry-size=4k", "l2-cache-entry-size=64k",
        "l2-cache-entry-size=5000", "cache-clean-interval=zork", "cache-clean-interval=5000000000", "cache-clean-interval=-1", "cache-clean-interval=0",
        "l2-cache-size=zork", "l2-cache-size=9E", "l2-cache-size=7E", "refcount-cache-size=7E", "cache-size=7E", "cache-size=20E", "refcount-cache-size=",
    ]).Select(o => $"info --image-opts driver=qcow2,file.filename=@a.qcow2,{o}"));

    private static readonly HashSet<string> Better =
    [
        // Options of newer versions of qemu-img, and what can be listed without being asked for.
        "rebase -c @nonex", "convert -b", "convert -b @nonex @nonex", "dd --output=zork @a.raw", "snapshot -f", "snapshot -f zork @a.raw",
        "snapshot -f qcow2 @a.raw", "snapshot -f raw @nonex", "snapshot --image-opts -f raw @a.raw", "snapshot -U @nonex",

        // Ours.
        "commit --output=zork @a.raw",
    ];

    private void Compare(IEnumerable<string> lines)
    {
        if (!QemuImgImages.IsAvailable)
            Assert.Skip("qemu-img is not installed");
        var different = new List<string>();
        foreach (var line in lines.Where(l => !Better.Contains(l)))
        {
            var words = images.Words(line);
            var expected = QemuImgImages.RunQemuImg(words);
            File.Delete(images.PathOf("nonex"));
            using var output = new StringWriter();
            using var error = new StringWriter();
            using var streams = new CommandOutput(output, error);
            var exitCode = Launcher.Run("qemu-img", words, streams);
            File.Delete(images.PathOf("nonex"));
            if ((expected.ExitCode, expected.Error) != (exitCode, error.ToString()))
                different.Add($"{line}\n  {expected.ExitCode} {expected.Error}  {exitCode} {error}");
        }

        Assert.True(different.Count == 0, string.Join('\n', different));
    }
}
