using System.Buffers.Binary;
using System.Globalization;
using BlockUring.Images;
using BlockUring.Images.Qcow2;
using BlockUring.Native.Codecs;
using BlockUring.Native.Memory;
using BlockUring.Storage;
using Xunit;

namespace BlockUring.Tests.Images.Qcow2;

/// <summary>Mutated images: an error or a result, never another exception, a hang, a leak of buffers or much memory.</summary>
public sealed class Qcow2FuzzTests(ITestOutputHelper output)
{
    // Why: the largest L1 table in memory, and room for names and messages.
    private const long MaxManagedBytes = 96 << 20;

    private const int MaxSteps = 300;

    private static readonly ulong[] Interesting =
        [0, 1, 511, 512, 65535, 65536, 0x7fffffff, 0x80000000, 0xffffffff, 0x100000000, 1ul << 32, (1ul << 56) - 512, 1ul << 56, 1ul << 62,
            1ul << 63, long.MaxValue, ulong.MaxValue, ulong.MaxValue - 65535];

    [Fact]
    public void Mutated_images_give_an_error_or_a_result()
    {
        // BLOCKURING_FUZZ_COUNT asks for more, BLOCKURING_FUZZ_SEED for other ones.
        var count = int.Parse(Environment.GetEnvironmentVariable("BLOCKURING_FUZZ_COUNT") ?? "4000", CultureInfo.InvariantCulture);
        var firstSeed = int.Parse(Environment.GetEnvironmentVariable("BLOCKURING_FUZZ_SEED") ?? "1", CultureInfo.InvariantCulture);
        output.WriteLine($"seeds {firstSeed} to {firstSeed + count - 1}");
        var templates = MakeTemplates();
        var opened = 0;
        var refused = 0;
        for (var seed = firstSeed; seed < firstSeed + count; seed++)
        {
            var before = GC.GetAllocatedBytesForCurrentThread();
            try
            {
                if (TryOne(templates[seed % templates.Count], new Random(seed)))
                    opened++;
                else
                    refused++;
            }
            catch (Exception e) when (e is not BlockException)
            {
                Assert.Fail($"seed {seed}: {e}");
            }

            var allocated = GC.GetAllocatedBytesForCurrentThread() - before;
            Assert.True(allocated < MaxManagedBytes, $"seed {seed}: {allocated} bytes");
        }

        output.WriteLine($"{opened} opened, {refused} refused");
        Assert.True(opened > count / 20 && refused > count / 20);
    }

    private static bool TryOne(byte[] template, Random random)
    {
        using var buffers = new BufferPool();
        var host = new MemoryFileHost(buffers);
        host.Add(new MemoryFile(buffers, "/images/data", 1 << 20));
        var bytes = Mutate(template, random);
        var file = new MemoryFile(buffers, Qcow2TestImage.Path);
        file.Write(0, bytes);
        host.Add(file);
        var context = new OpenContext(host, file, new FileOpenOptions(), new OptionTree(), OpenGate.AllowAll, _ => { });
        Qcow2Image image;
        try
        {
            image = Qcow2TestImage.Run(Qcow2Opener.OpenAsync(context));
        }
        catch (BlockException)
        {
            Assert.Equal(0, buffers.RentedBytes);
            return false;
        }

        Explore(image, buffers, random);
        Qcow2TestImage.Run(image.DisposeAsync());
        Assert.Equal(0, buffers.RentedBytes);
        return true;
    }

    private static void Explore(Qcow2Image image, BufferPool buffers, Random random)
    {
        Attempt(() => Walk(image, buffers, 0));
        if (image.Length > 0)
            Attempt(() => Walk(image, buffers, random.NextInt64(image.Length)));
        foreach (var snapshot in image.Snapshots.Take(3))
        {
            Attempt(() => Qcow2TestImage.Run(image.LoadSnapshotAsync(snapshot.Id, null)));
            Attempt(() => Walk(image, buffers, 0));
        }

        Assert.NotNull(image.Info.Compat);
        image.MeasureBitmaps(65536);
    }

    private static void Walk(Qcow2Image image, BufferPool buffers, long offset)
    {
        using var buffer = buffers.Rent(4096);
        for (var step = 0; step < MaxSteps && offset < image.Length; step++)
        {
            long next = image.ClusterLength;
            try
            {
                var mapping = Qcow2TestImage.Run(image.MapAsync(offset, image.Length - offset));
                Assert.InRange(mapping.Length, 1, image.Length - offset);
                next = mapping.Length;
                var part = buffer.Memory.Slice(0, (int)Math.Min(buffer.Length, mapping.Length));
                if (mapping.Kind == MappingKind.Data)
                    Qcow2TestImage.Run(mapping.File!.ReadAsync(mapping.HostOffset, part));
                else if (mapping.Kind == MappingKind.Compressed)
                    Qcow2TestImage.Run(image.ReadCompressedAsync(mapping, offset, part));
            }
            catch (BlockException)
            {
                // What follows is looked at too.
            }

            offset += next;
        }
    }

    private static void Attempt(Action action)
    {
        try
        {
            action();
        }
        catch (BlockException)
        {
            // Refused: an expected answer.
        }
    }

    private static byte[] Mutate(byte[] template, Random random)
    {
        var bytes = (byte[])template.Clone();
        for (var left = random.Next(1, 5); left > 0; left--)
        {
            var at = Place(bytes, random);
            switch (random.Next(6))
            {
                case 0:
                    bytes[at] ^= (byte)(1 << random.Next(8));
                    break;
                case 1:
                    bytes[at] = (byte)random.Next(256);
                    break;
                case 2:
                    BinaryPrimitives.WriteUInt32BigEndian(bytes.AsSpan(at & -4), (uint)Interesting[random.Next(Interesting.Length)]);
                    break;
                case 3:
                    BinaryPrimitives.WriteUInt64BigEndian(bytes.AsSpan(at & -8), Interesting[random.Next(Interesting.Length)]);
                    break;
                case 4:
                    BinaryPrimitives.WriteUInt64BigEndian(bytes.AsSpan(at & -8), (ulong)random.NextInt64());
                    break;
                default:
                    bytes.AsSpan(random.Next(bytes.Length - 64), 64).CopyTo(bytes.AsSpan(Math.Min(at, bytes.Length - 64)));
                    break;
            }
        }

        return random.Next(8) == 0 ? bytes[..random.Next(bytes.Length)] : bytes;
    }

    // Mostly where the structures are: the header, and words that are not zero.
    private static int Place(byte[] bytes, Random random)
    {
        if (random.Next(2) == 0)
            return random.Next(Math.Min(bytes.Length, 600));
        for (var i = 0; i < 200; i++)
        {
            var at = random.Next(bytes.Length - 8);
            if (bytes[at] != 0)
                return at;
        }

        return random.Next(bytes.Length - 8);
    }

    private static List<byte[]> MakeTemplates() =>
    [
        Template("cluster_size=512"),
        Template("cluster_size=4k"),
        Template("cluster_size=4k,compression_type=zstd"),
        Template("cluster_size=512,compat=0.10,backing_file=base,backing_fmt=raw"),
        Template("cluster_size=16k,extended_l2=on"),
        Template("cluster_size=4k,data_file=/images/data"),
        Template("cluster_size=512,preallocation=metadata,refcount_bits=1"),
        Template("cluster_size=4k,refcount_bits=64"),
    ];

    private static byte[] Template(string options)
    {
        const int length = 256 << 10;
        using var image = Qcow2TestImage.Create(length, options);
        var random = new Random(options.Length);
        var hasDataFile = image.Header.HasDataFile;
        for (var i = 0; i < length >> image.Header.ClusterBits; i++)
        {
            var host = hasDataFile ? (long)i << image.Header.ClusterBits : (long)random.Next(400) << image.Header.ClusterBits;
            switch (random.Next(6))
            {
                case 0:
                    image.SetEntry(i, L2Entry.ForData(host, image.Geometry.HasSubclusters));
                    break;
                case 1 when image.Header.Version > 2:
                    image.SetEntry(i, L2Entry.ForZeroes(0, image.Geometry.HasSubclusters));
                    break;
                case 2 when !hasDataFile:
                    image.SetEntry(i, CompressedCluster(image));
                    break;
            }
        }

        if (!hasDataFile)
            AddSnapshots(image);
        var bytes = new byte[image.File.Length];
        image.File.Read(0, bytes);
        return bytes;
    }

    private static L2Entry CompressedCluster(Qcow2TestImage image)
    {
        using var codec = ClusterCodec.Create(image.Header.Compression);
        var packed = new byte[image.Geometry.ClusterLength];
        var count = codec.Compress(new byte[packed.Length], packed);
        return new L2Entry(CompressedDescriptor.Encode(image.Append(packed.AsSpan(0, count)), count, image.Header.ClusterBits));
    }

    private static void AddSnapshots(Qcow2TestImage image)
    {
        var table = new byte[image.Geometry.ClusterLength];
        for (var i = 0; i < 2; i++)
        {
            var entry = table.AsSpan(i * 72);
            BinaryPrimitives.WriteInt64BigEndian(entry, image.Header.L1Offset);
            BinaryPrimitives.WriteInt32BigEndian(entry[8..], image.Header.L1Count);
            BinaryPrimitives.WriteInt16BigEndian(entry[12..], 1);
            BinaryPrimitives.WriteInt16BigEndian(entry[14..], 4);
            BinaryPrimitives.WriteInt32BigEndian(entry[36..], 24);
            entry[64] = (byte)('1' + i);
            "name"u8.CopyTo(entry[65..]);
        }

        image.Patch64(64, (ulong)image.Append(table));
        image.Patch32(60, 2);
    }
}
