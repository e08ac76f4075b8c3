using BlockUring.Native.Codecs;
using Xunit;

namespace BlockUring.Tests.Codecs;

public sealed class ClusterCodecTests
{
    private const int ClusterLength = 65536;

    public static TheoryData<string> Codecs =>
        LibZstd.IsAvailable ? ["zlib", "zstdsharp", "libzstd"] : ["zlib", "zstdsharp"];

    [Theory]
    [MemberData(nameof(Codecs))]
    public void What_is_packed_unpacks_to_the_same_at_every_cluster_size(string name)
    {
        using ClusterCodec codec = Make(name);
        for (int length = 512; length <= 2 << 20; length *= 4)
        {
            foreach (string kind in Clusters.Kinds)
                AssertRoundTrip(codec, Clusters.Make(kind, length, seed: length), kind);
        }
    }

    [Theory]
    [MemberData(nameof(Codecs))]
    public void Every_level_writes_what_can_be_read(string name)
    {
        CompressionType type = name == "zlib" ? CompressionType.Zlib : CompressionType.Zstd;
        for (int level = ClusterCodec.MinLevel(type); level <= ClusterCodec.MaxLevel(type); level++)
        {
            using ClusterCodec codec = Make(name, level);
            Assert.Equal(level, codec.Level);
            foreach (string kind in Clusters.Kinds)
                AssertRoundTrip(codec, Clusters.Make(kind, ClusterLength, seed: level), $"{kind}, level {level}");
        }
    }

    [Theory]
    [MemberData(nameof(Codecs))]
    public void Anything_may_follow_the_packed_bytes(string name)
    {
        using ClusterCodec codec = Make(name);
        byte[] cluster = Clusters.Make("text", ClusterLength, seed: 3);
        byte[] packed = new byte[2 * ClusterLength];
        int length = codec.Compress(cluster, packed);
        foreach (string junk in new[] { "zeros", "random", "itself" })
        {
            byte[] source = new byte[length + 4096];
            packed.AsSpan(0, length).CopyTo(source);
            byte[] tail = junk == "itself" ? packed[..4096] : Clusters.Make(junk, 4096, seed: 4);
            tail.CopyTo(source.AsSpan(length));
            byte[] unpacked = new byte[ClusterLength];
            foreach (int sourceLength in new[] { length, length + 1, length + 3, length + 7, length + 511, source.Length })
            {
                unpacked.AsSpan().Fill(0xAA);
                Assert.True(codec.Decompress(source.AsSpan(0, sourceLength), unpacked), $"{junk}, {sourceLength - length} bytes");
                Assert.True(unpacked.AsSpan().SequenceEqual(cluster), junk);
            }
        }
    }

    [Theory]
    [MemberData(nameof(Codecs))]
    public void A_destination_that_is_too_small_is_reported_and_never_overrun(string name)
    {
        using ClusterCodec codec = Make(name);
        byte[] cluster = Clusters.Make("text", ClusterLength, seed: 5);
        byte[] packed = new byte[2 * ClusterLength];
        int length = codec.Compress(cluster, packed);
        foreach (int room in new[] { 0, 1, 2, 7, 8, 100, length / 2, length - 1 })
        {
            packed.AsSpan().Fill(0xAA);
            Assert.Equal(-1, codec.Compress(cluster, packed.AsSpan(0, room)));
            Assert.True(packed.AsSpan(room).IndexOfAnyExcept((byte)0xAA) < 0, $"room for {room} bytes was overrun");
        }

        AssertRoundTrip(codec, cluster, "after overflows");
    }

    [Theory]
    [MemberData(nameof(Codecs))]
    public void Noise_does_not_fit_in_less_than_a_cluster(string name)
    {
        using ClusterCodec codec = Make(name);
        byte[] cluster = Clusters.Make("random", ClusterLength, seed: 6);
        Assert.Equal(-1, codec.Compress(cluster, new byte[ClusterLength - 1]));
        AssertRoundTrip(codec, cluster, "with room enough");
    }

    [Theory]
    [MemberData(nameof(Codecs))]
    public void A_truncated_cluster_is_refused(string name)
    {
        using ClusterCodec codec = Make(name);
        byte[] cluster = Clusters.Make("text", 8192, seed: 7);
        byte[] packed = new byte[16384];
        int length = codec.Compress(cluster, packed);
        byte[] unpacked = new byte[cluster.Length];

        // The last bytes of a deflate stream may be nothing but its end, which a full cluster does not need.
        int needed = name == "zlib" ? length - 2 : length;
        for (int cut = 0; cut < needed; cut++)
            Assert.False(codec.Decompress(packed.AsSpan(0, cut), unpacked), $"{cut} of {length} bytes");
    }

    [Theory]
    [MemberData(nameof(Codecs))]
    public void A_cluster_of_the_wrong_length_is_refused(string name)
    {
        using ClusterCodec codec = Make(name);
        byte[] cluster = Clusters.Make("text", 4096, seed: 8);
        byte[] packed = new byte[8192];
        int length = codec.Compress(cluster, packed);
        Assert.False(codec.Decompress(packed.AsSpan(0, length), new byte[4097]));

        // Deflate has no length in front: a reader that stops when it is full cannot tell, and QEMU's does the same.
        Assert.Equal(name == "zlib", codec.Decompress(packed.AsSpan(0, length), new byte[4095]));
    }

    [Theory]
    [MemberData(nameof(Codecs))]
    public void Ten_thousand_mutated_clusters_do_no_harm(string name)
    {
        const int Length = 4096;
        const int Guard = 256;
        using ClusterCodec codec = Make(name);
        Random random = new(9);
        byte[][] clusters = [.. Clusters.Kinds.Select(kind => Clusters.Make(kind, Length, seed: 10))];
        byte[][] packed = [.. clusters.Select(cluster => Pack(codec, cluster))];
        byte[] memory = new byte[Guard + Length + Guard];
        int refused = 0;
        for (int i = 0; i < 10_000; i++)
        {
            memory.AsSpan().Fill(0xAA);
            if (!codec.Decompress(Mutation.Of(packed, random), memory.AsSpan(Guard, Length)))
                refused++;
            Assert.True(memory.AsSpan(0, Guard).IndexOfAnyExcept((byte)0xAA) < 0, $"mutation {i} wrote before the destination");
            Assert.True(memory.AsSpan(Guard + Length).IndexOfAnyExcept((byte)0xAA) < 0, $"mutation {i} wrote behind the destination");
            if (i % 100 == 0)
            {
                int good = i / 100 % clusters.Length;
                Assert.True(codec.Decompress(packed[good], memory.AsSpan(Guard, Length)), $"state was spoilt by mutation {i}");
                Assert.True(memory.AsSpan(Guard, Length).SequenceEqual(clusters[good]), $"state was spoilt by mutation {i}");
            }
        }

        Assert.InRange(refused, 1000, 9999);
    }

    [Theory]
    [MemberData(nameof(Codecs))]
    public void Steady_use_allocates_nothing_on_the_managed_heap(string name)
    {
        using ClusterCodec codec = Make(name);
        byte[] cluster = Clusters.Make("text", ClusterLength, seed: 11);
        byte[] packed = new byte[ClusterLength];
        int length = codec.Compress(cluster, packed);
        Assert.True(codec.Decompress(packed.AsSpan(0, length), cluster));
        long before = GC.GetAllocatedBytesForCurrentThread();
        for (int i = 0; i < 20; i++)
        {
            length = codec.Compress(cluster, packed);
            _ = codec.Decompress(packed.AsSpan(0, length), cluster);
        }

        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
    }

    [Theory]
    [MemberData(nameof(Codecs))]
    public void A_disposed_codec_refuses_to_work_and_may_be_disposed_again(string name)
    {
        ClusterCodec codec = Make(name);
        codec.Dispose();
        codec.Dispose();
        Assert.Throws<ObjectDisposedException>(() => codec.Compress(new byte[16], new byte[64]));
        Assert.Throws<ObjectDisposedException>(() => codec.Decompress(new byte[16], new byte[64]));
    }

    [Theory]
    [InlineData(CompressionType.Zlib, 0)]
    [InlineData(CompressionType.Zlib, 10)]
    [InlineData(CompressionType.Zstd, 0)]
    [InlineData(CompressionType.Zstd, 23)]
    [InlineData((CompressionType)2, 1)]
    [InlineData((CompressionType)2, null)]
    public void A_level_out_of_range_or_an_unknown_type_is_refused(CompressionType type, int? level) =>
        Assert.Throws<ArgumentOutOfRangeException>(() => ClusterCodec.Create(type, level));

    [Theory]
    [InlineData(CompressionType.Zlib, 6)]
    [InlineData(CompressionType.Zstd, 3)]
    public void Without_a_level_the_default_of_the_library_is_taken(CompressionType type, int level)
    {
        using ClusterCodec codec = ClusterCodec.Create(type);
        Assert.Equal(type, codec.Type);
        Assert.Equal(level, codec.Level);
        Assert.NotEmpty(codec.Library);
    }

    internal static ClusterCodec Make(string name, int? level = null) => name switch
    {
        "zlib" => ClusterCodec.Create(CompressionType.Zlib, level),
        "libzstd" => new LibZstdCodec(level ?? 3),
        _ => new ZstdSharpCodec(level ?? 3),
    };

    internal static byte[] Pack(ClusterCodec codec, byte[] cluster)
    {
        byte[] packed = new byte[(2 * cluster.Length) + 64];
        return packed[..codec.Compress(cluster, packed)];
    }

    private static void AssertRoundTrip(ClusterCodec codec, byte[] cluster, string what)
    {
        byte[] packed = Pack(codec, cluster);
        byte[] unpacked = new byte[cluster.Length];
        unpacked.AsSpan().Fill(0xAA);
        Assert.True(codec.Decompress(packed, unpacked), $"{what}, {cluster.Length} bytes");
        Assert.True(unpacked.AsSpan().SequenceEqual(cluster), $"{what}, {cluster.Length} bytes");
    }
}
