using BlockUring.Compare.Running;

namespace BlockUring.Compare.Cases;

/// <summary>Makes the source images in a folder, each when it is first asked for.</summary>
internal sealed class SourceImages(string directory, CompareOptions options, CancellationToken cancellation)
{
    private const int ChunkBytes = 1 << 20;
    private const int ClusterBytes = 1 << 16;
    private readonly Dictionary<SourceKind, SourceImage> _made = [];

    /// <summary>The image, made and flushed; throws <see cref="ToolException"/> when a tool cannot make it.</summary>
    public SourceImage Get(SourceKind kind)
    {
        if (!_made.TryGetValue(kind, out var image))
            _made[kind] = image = Make(kind);
        return image;
    }

    private SourceImage Make(SourceKind kind)
    {
        var path = Path.Combine(directory, kind.ToString());
        var image = kind switch
        {
            SourceKind.RandomRaw => MakeRaw(path, options.SizeBytes, (content, chunk) => content.FillRandom(chunk)),
            SourceKind.MixedRaw => MakeRaw(path, options.CompressedSizeBytes, FillMixed),
            SourceKind.RandomQcow2 => Convert(path, SourceKind.RandomRaw),
            SourceKind.MixedZlib => Convert(path, SourceKind.MixedRaw, "-c"),
            SourceKind.MixedZstd => Convert(path, SourceKind.MixedRaw, "-c", "-o", "compression_type=zstd"),
            SourceKind.SparseRaw => MakeSparse(path),
            SourceKind.EmptyRaw => MakeEmpty(path, "raw"),
            SourceKind.EmptyQcow2 => MakeEmpty(path, "qcow2"),
            SourceKind.FragmentedQcow2 => MakeFragmented(path),
            _ => throw new ArgumentOutOfRangeException(nameof(kind)),
        };
        using var file = File.OpenHandle(path, FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite);
        RandomAccess.FlushToDisk(file);
        return image;
    }

    private SourceImage MakeRaw(string path, long bytes, Action<ContentGenerator, Span<byte>> fill)
    {
        var content = new ContentGenerator(options.Seed);
        var chunk = new byte[ChunkBytes];
        using var file = File.OpenHandle(path, FileMode.CreateNew, FileAccess.Write);
        for (long offset = 0; offset < bytes; offset += ChunkBytes)
        {
            cancellation.ThrowIfCancellationRequested();
            fill(content, chunk);
            RandomAccess.Write(file, chunk, offset);
        }

        return new SourceImage("raw", path, bytes);
    }

    // Sixty percent text, 35 percent random, 5 percent zero clusters.
    private static void FillMixed(ContentGenerator content, Span<byte> chunk)
    {
        for (; chunk.Length > 0; chunk = chunk[ClusterBytes..])
        {
            var cluster = chunk[..ClusterBytes];
            switch (content.Below(20))
            {
                case 0:
                    cluster.Clear();
                    break;
                case <= 7:
                    content.FillRandom(cluster);
                    break;
                default:
                    content.FillText(cluster);
                    break;
            }
        }
    }

    private SourceImage MakeSparse(string path)
    {
        const int largestExtent = 256 << 10;
        var bytes = options.SizeBytes;
        var content = new ContentGenerator(options.Seed);
        var buffer = new byte[largestExtent];
        using var file = File.OpenHandle(path, FileMode.CreateNew, FileAccess.Write);
        RandomAccess.SetLength(file, bytes);
        for (var left = bytes / 100; left > 0;)
        {
            var length = (int)((1 + content.Below(largestExtent / 4096)) * 4096);
            content.FillRandom(buffer.AsSpan(0, length));
            RandomAccess.Write(file, buffer.AsSpan(0, length), content.Below((bytes - length) / 4096) * 4096);
            left -= length;
        }

        return new SourceImage("raw", path, bytes);
    }

    private SourceImage MakeFragmented(string path)
    {
        var bytes = options.SizeBytes;
        Tool.Run("qemu-img", "create", "-q", "-f", "qcow2", path, bytes.ToString());
        var content = new ContentGenerator(options.Seed);
        var clusters = new long[bytes / ClusterBytes];
        for (var index = 0; index < clusters.Length; index++)
        {
            var other = content.Below(index + 1);
            clusters[index] = clusters[other];
            clusters[other] = index;
        }

        var writes = clusters.Select((cluster, order) => $"write -q -P {1 + (order % 255)} {cluster * ClusterBytes} {ClusterBytes}");
        Tool.Run(["qemu-io", "-t", "unsafe", "-f", "qcow2", path], writes);
        return new SourceImage("qcow2", path, bytes);
    }

    private SourceImage Convert(string path, SourceKind from, params string[] arguments)
    {
        var source = Get(from);
        Tool.Run(["qemu-img", "convert", .. arguments, "-f", "raw", "-O", "qcow2", source.Path, path]);
        return new SourceImage("qcow2", path, source.GuestBytes);
    }

    private static SourceImage MakeEmpty(string path, string format)
    {
        Tool.Run("qemu-img", "create", "-q", "-f", format, path, ByteSize.TiB.ToString());
        return new SourceImage(format, path, ByteSize.TiB);
    }
}
