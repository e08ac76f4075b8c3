using BlockUring.Native.Codecs;
using Xunit;

namespace BlockUring.NativeTests.Codecs;

public sealed class CodecBoundsTests
{
    private const int ClusterLength = 4096;

    public static TheoryData<string> Codecs => LibZstd.IsAvailable ? ["zlib", "zstdsharp", "libzstd"] : ["zlib", "zstdsharp"];

    [Theory]
    [MemberData(nameof(Codecs))]
    public void Unpacking_damage_touches_no_byte_outside_its_memory(string name)
    {
        using ClusterCodec codec = Make(name);
        using GuardedPages source = new(2 * ClusterLength);
        using GuardedPages destination = new(ClusterLength);
        Random random = new(1);
        byte[][] packed = [.. Enumerable.Range(0, 8).Select(kind => Pack(codec, MakeCluster(random, kind)))];
        int refused = 0;
        for (int i = 0; i < 20_000; i++)
        {
            ReadOnlySpan<byte> original = packed[random.Next(packed.Length)];
            int length = random.Next(3) == 0 ? random.Next(original.Length + 1) : original.Length;
            bool atEnd = random.Next(2) == 0;
            Span<byte> from = atEnd ? source.Last(length) : source.First(length);
            original[..length].CopyTo(from);
            for (int flips = random.Next(4); flips > 0 && length > 0; flips--)
                from[random.Next(random.Next(2) == 0 ? Math.Min(16, length) : length)] = (byte)random.Next(256);
            int room = random.Next(8) == 0 ? random.Next(1, ClusterLength) : ClusterLength;
            if (!codec.Decompress(from, atEnd ? destination.Last(room) : destination.First(room)))
                refused++;
        }

        Assert.InRange(refused, 2000, 19_999);
    }

    [Theory]
    [MemberData(nameof(Codecs))]
    public void Packing_touches_no_byte_outside_its_memory(string name)
    {
        using ClusterCodec codec = Make(name);
        using GuardedPages source = new(ClusterLength);
        using GuardedPages destination = new(2 * ClusterLength);
        Random random = new(2);
        int overflows = 0;
        for (int i = 0; i < 2000; i++)
        {
            int length = random.Next(ClusterLength + 1);
            Span<byte> from = source.Last(length);
            MakeCluster(random, i % 8).AsSpan(0, length).CopyTo(from);
            if (codec.Compress(from, destination.Last(random.Next(ClusterLength))) < 0)
                overflows++;
        }

        Assert.InRange(overflows, 100, 1999);
    }

    private static ClusterCodec Make(string name) => name switch
    {
        "zlib" => ClusterCodec.Create(CompressionType.Zlib),
        "libzstd" => new LibZstdCodec(3),
        _ => new ZstdSharpCodec(3),
    };

    private static byte[] Pack(ClusterCodec codec, byte[] cluster)
    {
        byte[] packed = new byte[2 * ClusterLength];
        return packed[..codec.Compress(cluster, packed)];
    }

    /// <summary>From all zero to noise, by how many bits of a byte may be set.</summary>
    private static byte[] MakeCluster(Random random, int kind)
    {
        byte[] cluster = new byte[ClusterLength];
        random.NextBytes(cluster);
        for (int i = 0; i < cluster.Length; i++)
            cluster[i] &= (byte)((1 << kind) - 1);
        return cluster;
    }
}
