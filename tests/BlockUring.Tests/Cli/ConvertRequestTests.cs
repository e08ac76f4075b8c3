using BlockUring.Cli.Img;
using Xunit;

namespace BlockUring.Tests.Cli;

public sealed class ConvertRequestTests
{
    [Fact]
    public void ShortOptionsReachTheRequest()
    {
        var request = Parse("-f raw -O qcow2 -o cluster_size=128k -o lazy_refcounts=on -c -S 8k -W -m 3 -r 1M -t none -T directsync -B base -F raw -U a b out");
        Assert.Equal(["a", "b"], request.Sources);
        Assert.Equal("out", request.Target);
        Assert.Equal("raw", request.SourceOpen.Format);
        Assert.True(request.SourceOpen.File.ForceShare);
        Assert.True(request.SourceOpen.File.ReadOnly);
        Assert.Equal("directsync", request.SourceOpen.File.CacheInForce.Name);
        Assert.Equal("qcow2", request.TargetFormat);
        Assert.Equal("cluster_size=128k,lazy_refcounts=on", request.Options);
        Assert.Equal(("base", "raw", "none"), (request.Backing, request.BackingFormat, request.TargetCache));
        Assert.Equal((true, 8192, true, 3, 1L << 20), (request.IsCompressed, request.SparseBytes, request.WritesOutOfOrder, request.Parallel, request.RateLimit));
    }

    [Fact]
    public void LongNamesOfLaterVersionsMeanTheSame()
    {
        var request = Parse(
            "--source-format raw --target-format=qcow2 --target-format-options cluster_size=128k --compress --compression-level 9 --sparse-size 8k " +
            "--oob-writes --parallel 3 --rate-limit 1M --target-cache none --source-cache none -b base --backing-format raw --force-share a out");
        Assert.Equal(("raw", "qcow2", "cluster_size=128k"), (request.SourceOpen.Format, request.TargetFormat, request.Options));
        Assert.Equal((true, 9, 8192, 3), (request.IsCompressed, request.CompressionLevel, request.SparseBytes, request.Parallel));
        Assert.Equal(("base", "raw", "none"), (request.Backing, request.BackingFormat, request.TargetCache));
    }

    [Fact]
    public void DefaultsAreThoseOfQemuImg()
    {
        var request = Parse("a out");
        Assert.Equal(("raw", "unsafe", "writeback"), (request.TargetFormat, request.TargetCache, request.SourceOpen.File.CacheInForce.Name));
        Assert.Equal((4096, 8, 0L, false), (request.SparseBytes, request.Parallel, request.RateLimit, request.WritesOutOfOrder));
    }

    [Fact]
    public void TheLastOfRepeatedOptionsWins() => Assert.Equal(("qcow2", 5), (Parse("-O raw -m 4 -O qcow2 -m 5 a out").TargetFormat, Parse("-m 4 -m 5 a b").Parallel));

    [Theory]
    [InlineData("--skip-broken-bitmaps a b", "Use of --skip-broken-bitmaps requires --bitmaps")]
    [InlineData("-c -C a b", "Cannot enable copy offloading when -c is used")]
    [InlineData("-S 4k -C a b", "Cannot enable copy offloading when -S is used")]
    [InlineData("--salvage -C a b", "Cannot use copy offloading in salvaging mode")]
    [InlineData("--target-image-opts a b", "--target-image-opts requires use of -n flag")]
    [InlineData("-n -o x=y a b", "-o has no effect when skipping image creation")]
    [InlineData("--target-is-zero a b", "--target-is-zero requires use of -n flag")]
    [InlineData("--compression-level 3 a b", "--compression-level requires use of -c flag")]
    [InlineData("-m 17 a b", "Invalid number of coroutines. Allowed number of coroutines is between 1 and 16")]
    [InlineData("-o ,x a b", "Invalid option list: ,x")]
    [InlineData("a", "Must specify image file name")]
    public void ContradictionsAreRefused(string line, string message) =>
        Assert.Equal(message, Assert.Throws<CommandFailure>(() => Parse(line)).Message);

    private static ConvertRequest Parse(string line)
    {
        var parsed = new ConvertCommand().Parse(CommandLineRun.Context(), ["convert", .. line.Split(' ')], out _)!.Value;
        return ConvertRequest.From(parsed.Settings, parsed.Operands);
    }
}
