using System.Buffers.Binary;
using BlockUring.Native.Codecs;
using Xunit;

namespace BlockUring.Tests.Codecs;

public sealed class ZstdCodecTests
{
    public static TheoryData<string> Codecs => LibZstd.IsAvailable ? ["zstdsharp", "libzstd"] : ["zstdsharp"];

    [Theory]
    [MemberData(nameof(Codecs))]
    public void A_cluster_of_several_frames_with_skippable_ones_between_is_read(string name)
    {
        using ClusterCodec codec = ClusterCodecTests.Make(name);
        byte[] cluster = Clusters.Make("text", 65536, seed: 1);
        byte[] skippable = [0x53, 0x2A, 0x4D, 0x18, 5, 0, 0, 0, 1, 2, 3, 4, 5];
        byte[] packed =
        [
            .. ClusterCodecTests.Pack(codec, cluster[..1000]), .. skippable, .. ClusterCodecTests.Pack(codec, []),
            .. ClusterCodecTests.Pack(codec, cluster[1000..]), 0, 0, 0,
        ];
        byte[] unpacked = new byte[cluster.Length];
        Assert.True(codec.Decompress(packed, unpacked));
        Assert.True(unpacked.AsSpan().SequenceEqual(cluster));
    }

    [Theory]
    [MemberData(nameof(Codecs))]
    public void A_last_frame_that_holds_more_than_the_cluster_is_refused(string name)
    {
        using ClusterCodec codec = ClusterCodecTests.Make(name);
        byte[] cluster = Clusters.Make("text", 65536, seed: 2);
        byte[] packed = [.. ClusterCodecTests.Pack(codec, cluster[..60000]), .. ClusterCodecTests.Pack(codec, cluster[..6000])];
        Assert.False(codec.Decompress(packed, new byte[65536]));
        Assert.True(codec.Decompress(packed, new byte[66000]));
    }

    [Theory]
    [MemberData(nameof(Codecs))]
    public void Nothing_but_skippable_frames_is_refused(string name)
    {
        using ClusterCodec codec = ClusterCodecTests.Make(name);
        byte[] packed = new byte[8 * 1000];
        for (int at = 0; at < packed.Length; at += 8)
            BinaryPrimitives.WriteUInt32LittleEndian(packed.AsSpan(at), 0x184D2A50);
        Assert.False(codec.Decompress(packed, new byte[512]));
    }

    [Theory]
    [MemberData(nameof(Codecs))]
    public void Formats_older_than_the_standard_are_refused(string name)
    {
        using ClusterCodec codec = ClusterCodecTests.Make(name);
        byte[] packed = ClusterCodecTests.Pack(codec, Clusters.Make("text", 4096, seed: 3));
        for (byte version = 0x22; version <= 0x27; version++)
        {
            packed[0] = version;
            Assert.False(codec.Decompress(packed, new byte[4096]));
        }
    }

    [Fact]
    public void Both_libraries_read_what_the_other_writes()
    {
        if (!LibZstd.IsAvailable)
            Assert.Skip("This host has no libzstd.so.1.");
        for (int level = 1; level <= 22; level += 3)
        {
            using LibZstdCodec native = new(level);
            using ZstdSharpCodec managed = new(level);
            foreach (string kind in Clusters.Kinds)
            {
                byte[] cluster = Clusters.Make(kind, 65536, seed: level);
                byte[] unpacked = new byte[cluster.Length];
                Assert.True(managed.Decompress(ClusterCodecTests.Pack(native, cluster), unpacked), kind);
                Assert.True(unpacked.AsSpan().SequenceEqual(cluster), kind);
                unpacked.AsSpan().Fill(0xAA);
                Assert.True(native.Decompress(ClusterCodecTests.Pack(managed, cluster), unpacked), kind);
                Assert.True(unpacked.AsSpan().SequenceEqual(cluster), kind);
            }
        }
    }

    [Fact]
    public void The_system_library_is_taken_where_it_is()
    {
        using ClusterCodec codec = ClusterCodec.Create(CompressionType.Zstd);
        Assert.Equal(LibZstd.IsAvailable ? $"libzstd {LibZstd.Version}" : "ZstdSharp", codec.Library);
    }
}
