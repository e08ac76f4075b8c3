using System.Globalization;
using BlockUring.NativeTests.Images;

namespace BlockUring.NativeTests.Img;

/// <summary>Images made by qemu-img and filled by qemu-io with random extents.</summary>
internal sealed class RandomImages(TempFolder folder, Random random)
{
    /// <summary>A raw or qcow2 image of random kind, with or without backing files.</summary>
    /// <returns>Its path and format.</returns>
    public async Task<(string Path, string Format)> MakeAsync(string name, int maxDepth = 3, long? length = null)
    {
        string? backing = null;
        var backingFormat = "";
        var depth = random.Next(1, maxDepth + 1);
        for (var layer = depth; layer > 0; layer--)
        {
            var format = layer == depth && random.Next(3) == 0 ? "raw" : "qcow2";
            var path = folder[$"{name}-{layer}.{format}"];
            var size = layer == 1 && length != null ? length.Value : (random.NextInt64(1, 6 << 20) + 511) & -512;
            var clusterBits = random.Next(9, 19);
            await CreateAsync(path, format, size, clusterBits, backing, backingFormat);
            await FillAsync(path, format, size, clusterBits, random.Next(1, 14));
            (backing, backingFormat) = (path, format);
        }

        return (backing!, backingFormat);
    }

    // Random extents: compressed clusters first, since QEMU refuses those over clusters in use, then data, zeroes, unmapped zeroes, discards.
    private async Task FillAsync(string path, string format, long size, int clusterBits, int count)
    {
        var arguments = new List<string> { "-f", format, "-d", "unmap" };
        var compressed = format == "qcow2" ? Math.Min(count / 4, size >> clusterBits) : 0;
        foreach (var cluster in Enumerable.Range(0, (int)Math.Min(size >> clusterBits, 1000)).OrderBy(_ => random.Next()).Take((int)compressed))
            arguments.AddRange(["-c", $"write -c -P {random.Next(1, 256)} {(long)cluster << clusterBits} {1 << clusterBits}"]);
        for (var i = 0; i < count; i++)
        {
            var offset = random.NextInt64(size) & -512;
            var length = Math.Min((random.NextInt64(1, 400_000) + 511) & -512, size - offset);
            if (random.Next(3) == 0)
                (offset, length) = (offset & -4096, Math.Min((length + 4095) & -4096, size - (offset & -4096)));
            var command = random.Next(8) switch
            {
                0 => $"write -z {offset} {length}",
                1 => $"write -z -u {offset} {length}",
                2 => $"discard {offset} {length}",
                _ => string.Create(CultureInfo.InvariantCulture, $"write -P {random.Next(256)} {offset} {length}"),
            };
            arguments.AddRange(["-c", command]);
        }

        await Tool.RunAsync("qemu-io", [.. arguments, path]);
    }

    private async Task CreateAsync(string path, string format, long size, int clusterBits, string? backing, string backingFormat)
    {
        var arguments = new List<string> { "create", "-q", "-f", format };
        if (format == "qcow2")
        {
            var isOld = random.Next(5) == 0;
            var extended = !isOld && clusterBits >= 14 && random.Next(2) == 0;
            var options = $"cluster_size={1 << clusterBits},compat={(isOld ? "0.10" : "1.1")}";
            if (!isOld)
                options += $",extended_l2={(extended ? "on" : "off")},refcount_bits={1 << random.Next(7)},compression_type={(random.Next(2) == 0 ? "zlib" : "zstd")}";
            arguments.AddRange(["-o", options]);
        }

        if (backing != null)
            arguments.AddRange(["-b", backing, "-F", backingFormat]);
        await Tool.RunAsync("qemu-img", [.. arguments, path, size.ToString(CultureInfo.InvariantCulture)]);
    }
}
