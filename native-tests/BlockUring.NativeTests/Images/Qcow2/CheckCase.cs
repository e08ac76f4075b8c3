namespace BlockUring.NativeTests.Images.Qcow2;

/// <summary>An image that qemu-img and qemu-io make for the check.</summary>
/// <param name="Name">For messages.</param>
/// <param name="CreateOptions">Of qemu-img create.</param>
/// <param name="Length">The guest size, as qemu-img takes it.</param>
/// <param name="Steps">Commands of qemu-io; "snapshot N", "bitmap N", "compress", "data-file" and "backing" are done by qemu-img.</param>
internal sealed record CheckCase(string Name, string CreateOptions, string Length, params string[] Steps)
{
    private static readonly string[] Writes = ["write -P 1 0 700k", "write -P 2 1m 64k", "write -P 3 1500k 33k", "write -z 200k 300k"];

    private static readonly string[] WithSnapshots =
        ["write -P 1 0 700k", "snapshot one", "write -P 2 100k 300k", "snapshot two", "write -P 3 1m 200k", "write -z 0 64k"];

    /// <summary>The matrix.</summary>
    public static IReadOnlyList<CheckCase> All { get; } =
    [
        .. ((string[])["512", "1k", "2k", "4k", "8k", "16k", "32k", "64k", "128k", "256k", "512k", "1M", "2M"])
            .Select(size => new CheckCase($"cluster {size}", $"cluster_size={size}", "4M", WithSnapshots)),
        .. ((int[])[1, 2, 4, 8, 16, 32, 64])
            .Select(bits => new CheckCase($"refcount {bits}", $"cluster_size=4k,refcount_bits={bits}", "4M", bits == 1 ? Writes : WithSnapshots)),
        new("version 2", "compat=0.10", "8M", WithSnapshots),
        new("version 2, small clusters", "compat=0.10,cluster_size=1k", "4M", WithSnapshots),
        new("lazy", "lazy_refcounts=on", "8M", Writes),
        new("metadata", "preallocation=metadata,cluster_size=4k", "4M", Writes),
        new("empty", "", "16M"),
        new("no length", "", "0"),
        new("large and sparse", "cluster_size=4k", "4G", "write -P 1 0 64k", "write -P 1 3G 64k", "write -P 7 2G 8k"),
        new("odd length", "cluster_size=4k", "1000k", "write -P 1 0 1000k"),
        new("compressed", "", "4M", "compress"),
        new("compressed, small clusters", "cluster_size=4k", "4M", "compress"),
        new("compressed, zstd", "compression_type=zstd,cluster_size=16k", "4M", "compress"),
        new("compressed and snapshots", "cluster_size=8k", "4M", "compress", "snapshot a", "write -P 9 8k 100k", "snapshot b"),
        new("subclusters", "extended_l2=on", "4M", WithSnapshots),
        new("subclusters, small", "extended_l2=on,cluster_size=16k", "4M", "write -P 1 512 1k", "write -P 1 40k 100k", "snapshot a", "write -z 64k 4k"),
        new("subclusters, compressed", "extended_l2=on,cluster_size=32k", "4M", "compress"),
        new("subclusters, metadata", "extended_l2=on,cluster_size=16k,preallocation=metadata", "4M", Writes),
        new("data file", "cluster_size=4k", "4M", ["data-file", .. Writes]),
        new("data file, subclusters", "cluster_size=16k,extended_l2=on", "4M", ["data-file", .. Writes]),
        new("bitmaps", "cluster_size=4k", "4M", "bitmap a", "write -P 1 0 1m", "bitmap b", "write -P 1 1m 1m", "snapshot x"),
        new("bitmaps, small clusters", "cluster_size=512", "8M", "bitmap a", "write -P 1 0 5m", "bitmap b"),
        new("backing", "cluster_size=8k", "4M", ["backing", .. Writes]),
    ];

    /// <summary>Makes the image in a folder.</summary>
    /// <returns>Its path.</returns>
    public async Task<string> MakeAsync(TempFolder folder)
    {
        var path = folder["image.qcow2"];
        var options = CreateOptions;
        List<string> extra = [];
        if (Steps.Contains("data-file"))
            options += $",data_file={folder["data"]}";
        if (Steps.Contains("backing"))
        {
            await Tool.RunAsync("qemu-img", "create", "-q", "-f", "raw", folder["base"], "3M");
            extra.AddRange(["-b", folder["base"], "-F", "raw"]);
        }

        if (Steps.Contains("compress"))
        {
            await MakeCompressedAsync(folder, path, options);
        }
        else
        {
            await Tool.RunAsync(
                "qemu-img", ["create", "-q", "-f", "qcow2", .. extra, .. (options == "" ? Array.Empty<string>() : ["-o", options]), path, Length]);
        }

        foreach (var step in Steps)
        {
            if (step.StartsWith("snapshot ", StringComparison.Ordinal))
                await Tool.RunAsync("qemu-img", "snapshot", "-c", step[9..], path);
            else if (step.StartsWith("bitmap ", StringComparison.Ordinal))
                await Tool.RunAsync("qemu-img", "bitmap", "--add", path, step[7..]);
            else if (step.StartsWith("write ", StringComparison.Ordinal))
                await Tool.RunAsync("qemu-io", "-f", "qcow2", "-c", step, path);
        }

        return path;
    }

    public override string ToString() => Name;

    private static async Task MakeCompressedAsync(TempFolder folder, string path, string options)
    {
        var content = new byte[4 << 20];
        var random = new Random(3);
        for (var i = 0; i < content.Length; i++)
            content[i] = (byte)((i & 0x30000) == 0 ? random.Next(256) : i >> 9);
        await File.WriteAllBytesAsync(folder["source"], content);
        await Tool.RunAsync(
            "qemu-img",
            ["convert", "-c", "-f", "raw", "-O", "qcow2", .. (options == "" ? Array.Empty<string>() : ["-o", options]), folder["source"], path]);
    }
}
