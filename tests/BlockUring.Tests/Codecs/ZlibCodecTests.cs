using System.IO.Compression;
using System.Reflection;
using System.Runtime.InteropServices;
using BlockUring.Native.Codecs;
using Xunit;

namespace BlockUring.Tests.Codecs;

public sealed class ZlibCodecTests
{
    [Theory]
    [InlineData(1)]
    [InlineData(6)]
    [InlineData(9)]
    public void What_is_written_looks_back_4_KiB_at_the_most(int level)
    {
        byte[] cluster = Clusters.Make("far repeats", 65536, seed: 1);
        using ZlibCodec codec = new(level);
        Assert.True(Deflate32KiB(cluster).Length < cluster.Length / 3, "the repeats are out of reach of any window");
        Assert.True(ClusterCodecTests.Pack(codec, cluster).Length > cluster.Length * 9 / 10, "the repeats were seen");
    }

    [Fact]
    public void Streams_with_a_32_KiB_window_are_read_too()
    {
        byte[] cluster = Clusters.Make("far repeats", 65536, seed: 1);
        byte[] unpacked = new byte[cluster.Length];
        using ZlibCodec codec = new(6);
        Assert.True(codec.Decompress(Deflate32KiB(cluster), unpacked));
        Assert.True(unpacked.AsSpan().SequenceEqual(cluster));
    }

    [Fact]
    public void The_stream_is_laid_out_as_the_runtime_lays_out_its_own()
    {
        Type runtime = typeof(DeflateStream).Assembly.GetType("System.IO.Compression.ZLibNative+ZStream", throwOnError: true)!;
        Assert.Equal(Marshal.SizeOf(runtime), Marshal.SizeOf<ZlibStream>());
        (string Ours, string Theirs)[] fields =
        [
            (nameof(ZlibStream.NextIn), "nextIn"), (nameof(ZlibStream.NextOut), "nextOut"),
            (nameof(ZlibStream.Message), "msg"), (nameof(ZlibStream.State), "internalState"),
            (nameof(ZlibStream.AvailableIn), "availIn"), (nameof(ZlibStream.AvailableOut), "availOut"),
        ];
        Assert.Equal(fields.Length, runtime.GetFields(BindingFlags.Instance | BindingFlags.NonPublic | BindingFlags.Public).Length);
        foreach ((string ours, string theirs) in fields)
            Assert.Equal(Marshal.OffsetOf(runtime, theirs), Marshal.OffsetOf<ZlibStream>(ours));
    }

    private static byte[] Deflate32KiB(byte[] cluster)
    {
        MemoryStream packed = new();
        using (DeflateStream deflate = new(packed, CompressionLevel.Optimal, leaveOpen: true))
            deflate.Write(cluster);
        return packed.ToArray();
    }
}
