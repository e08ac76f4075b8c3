using System.Text.Json;
using System.Text.Json.Nodes;
using BlockUring.Images;
using BlockUring.Images.Qcow2;
using BlockUring.Native.Memory;
using BlockUring.Storage;
using Xunit;

namespace BlockUring.NativeTests.Images.Qcow2;

/// <summary>Images made here pass qemu-img's check and look to it like its own; refusals and estimates are its own too.</summary>
public sealed class Qcow2CreateTests
{
    public static TheoryData<string, string> Matrix
    {
        get
        {
            var data = new TheoryData<string, string>();
            foreach (var cluster in (string[])["512", "4k", "64k", "2M"])
            {
                foreach (var mode in (string[])["off", "metadata", "falloc", "full"])
                    data.Add($"cluster_size={cluster},preallocation={mode}", "17M");
            }

            foreach (var bits in (string[])["1", "2", "4", "8", "16", "32", "64"])
            {
                data.Add($"cluster_size=512,preallocation=metadata,refcount_bits={bits}", "3000k");
                data.Add($"cluster_size=4k,refcount_bits={bits}", "64G");
            }

            foreach (var options in (string[])
                ["", "compat=0.10", "compat=0.10,cluster_size=1k,preallocation=metadata", "compat=v3", "lazy_refcounts=on", "compression_type=zstd",
                    "extended_l2=on", "extended_l2=on,preallocation=metadata,cluster_size=16k", "extended_l2=on,preallocation=full",
                    "data_file=DATA", "data_file=DATA,preallocation=metadata", "data_file=DATA,preallocation=full,cluster_size=4k",
                    "data_file=DATA,data_file_raw=on", "data_file=DATA,extended_l2=on,cluster_size=2M", "encryption=off",
                    "backing_file=base.qcow2,backing_fmt=qcow2", "backing_file=base.qcow2,backing_fmt=qcow2,cluster_size=512",
                    "backing_file=base.qcow2,backing_fmt=qcow2,extended_l2=on,preallocation=metadata"])
            {
                data.Add(options, "5000k");
            }

            data.Add("", "0");
            data.Add("", "1000");
            data.Add("", "2P");
            data.Add("cluster_size=512", "128G");
            data.Add("cluster_size=2M,preallocation=metadata", "1T");
            data.Add("cluster_size=64k,preallocation=metadata,refcount_bits=64", "20G");
            return data;
        }
    }

    [Theory]
    [MemberData(nameof(Matrix))]
    public async Task A_new_image_is_what_qemu_would_have_made(string options, string size)
    {
        using var folder = new TempFolder();
        using var buffers = new BufferPool();
        await Tool.RunAsync("qemu-img", "create", "-q", "-f", "qcow2", folder["base.qcow2"], "3M");
        var theirPath = folder["theirs.qcow2"];
        var ourPath = folder["ours.qcow2"];
        string[] theirArguments = options.Length == 0 ? [] : ["-o", options.Replace("DATA", folder["their.data"], StringComparison.Ordinal)];
        await Tool.RunAsync("qemu-img", ["create", "-q", "-f", "qcow2", .. theirArguments, theirPath, size]);

        Assert.True(SizeText.TryParse(size, out var length));
        await CreateAsync(buffers, ourPath, length, options.Replace("DATA", folder["our.data"], StringComparison.Ordinal));

        Assert.Contains("No errors were found", await Tool.RunAsync("qemu-img", "check", ourPath), StringComparison.Ordinal);
        Assert.Equal(await InfoAsync(theirPath, folder), await InfoAsync(ourPath, folder));
        await AssertSameShapeAsync(buffers, theirPath, ourPath);
        if (File.Exists(folder["their.data"]))
            Assert.Equal(new FileInfo(folder["their.data"]).Length, new FileInfo(folder["our.data"]).Length);
        Assert.InRange(new FileInfo(ourPath).Length, 0, new FileInfo(theirPath).Length + (4 << 21));

        // It takes writes, and reads back.
        if (length > 1 << 20 && length < 1 << 30)
        {
            await Tool.RunAsync("qemu-io", "-c", "write -P 5 100k 900k", "-c", "read -P 5 100k 900k", ourPath);
            Assert.Contains("No errors were found", await Tool.RunAsync("qemu-img", "check", ourPath), StringComparison.Ordinal);
        }
    }

    [Theory]
    [InlineData("cluster_size=100")]
    [InlineData("cluster_size=256")]
    [InlineData("cluster_size=4M")]
    [InlineData("cluster_size=0")]
    [InlineData("cluster_size=1.5k")]
    [InlineData("cluster_size=abc")]
    [InlineData("cluster_size=-1")]
    [InlineData("cluster_size=16E")]
    [InlineData("cluster_size=65536x")]
    [InlineData("extended_l2=on,cluster_size=8k")]
    [InlineData("extended_l2=on,compat=0.10")]
    [InlineData("compat=0.9")]
    [InlineData("lazy_refcounts=on,compat=0.10")]
    [InlineData("lazy_refcounts=maybe")]
    [InlineData("refcount_bits=3")]
    [InlineData("refcount_bits=128")]
    [InlineData("refcount_bits=abc")]
    [InlineData("refcount_bits=0")]
    [InlineData("refcount_bits=-1")]
    [InlineData("refcount_bits=8,compat=0.10")]
    [InlineData("preallocation=foo")]
    [InlineData("preallocation=metadata,backing_file=base.qcow2,backing_fmt=qcow2")]
    [InlineData("data_file_raw=on")]
    [InlineData("data_file=DATA,compat=0.10")]
    [InlineData("data_file=DATA,data_file_raw=on,backing_file=base.qcow2,backing_fmt=qcow2")]
    [InlineData("compression_type=zstd,compat=0.10")]
    [InlineData("compression_type=lzo")]
    [InlineData("backing_fmt=raw")]
    [InlineData("foo=1")]
    [InlineData("cluster_size=512,size=129G")]
    [InlineData("size=3P")]
    [InlineData("cluster_size=100,refcount_bits=3")]
    [InlineData("compat=0.9,preallocation=foo")]
    [InlineData("extended_l2=on,compat=0.10,cluster_size=100")]
    [InlineData("refcount_bits=3,data_file_raw=on")]
    [InlineData("lazy_refcounts=on,compat=0.10,cluster_size=100")]
    public async Task A_refusal_is_worded_as_by_qemu(string options)
    {
        using var folder = new TempFolder();
        using var buffers = new BufferPool();
        await Tool.RunAsync("qemu-img", "create", "-q", "-f", "qcow2", folder["base.qcow2"], "3M");
        var path = folder["image.qcow2"];
        options = options.Replace("DATA", folder["data"], StringComparison.Ordinal);
        var parsed = OptionTree.ParseKeyValues(options);
        var size = parsed.TryTake("size", out var given) ? given : "1M";
        Assert.True(SizeText.TryParse(size, out var length));
        var withoutSize = string.Join(',', parsed.Values.Select(o => $"{o.Key}={o.Value}"));

        string[] arguments = withoutSize.Length == 0 ? [] : ["-o", withoutSize];
        var (exitCode, _, theirs) = await Tool.TryRunAsync("qemu-img", ["create", "-q", "-f", "qcow2", .. arguments, path, size]);
        Assert.Equal(1, exitCode);
        var ours = await Assert.ThrowsAsync<BlockException>(() => CreateAsync(buffers, path, length, options));
        Assert.Equal(theirs.Trim(), $"qemu-img: {path}: {ours.Message}");
        Assert.False(File.Exists(path));
    }

    [Theory]
    [InlineData("", "1M")]
    [InlineData("", "0")]
    [InlineData("", "1")]
    [InlineData("", "1T")]
    [InlineData("cluster_size=512", "10G")]
    [InlineData("cluster_size=2M", "10T")]
    [InlineData("refcount_bits=1", "1T")]
    [InlineData("refcount_bits=64,cluster_size=4k", "123456789")]
    [InlineData("extended_l2=on", "1T")]
    [InlineData("preallocation=full", "1G")]
    [InlineData("preallocation=metadata", "1G")]
    [InlineData("compat=0.10", "1G")]
    public async Task An_empty_disk_measures_as_by_qemu(string options, string size)
    {
        string[] arguments = options.Length == 0 ? [] : ["-o", options];
        using var document = JsonDocument.Parse(
            await Tool.RunAsync("qemu-img", ["measure", "--output=json", "-O", "qcow2", .. arguments, "--size", size]));
        Assert.True(SizeText.TryParse(size, out var length));
        var ours = await new Qcow2Driver().MeasureAsync(Request("", length, options), null);
        Assert.Equal(document.RootElement.GetProperty("required").GetInt64(), ours.Required);
        Assert.Equal(document.RootElement.GetProperty("fully-allocated").GetInt64(), ours.FullyAllocated);
        Assert.Null(ours.Bitmaps);
    }

    [Theory]
    [InlineData("")]
    [InlineData("cluster_size=512")]
    [InlineData("cluster_size=2M")]
    [InlineData("cluster_size=4k,refcount_bits=1")]
    [InlineData("compat=0.10")]
    [InlineData("backing_file=x")]
    public async Task Content_measures_as_by_qemu(string options)
    {
        using var folder = new TempFolder();
        using var buffers = new BufferPool();
        var path = folder["source.qcow2"];
        await Tool.RunAsync("qemu-img", "create", "-q", "-f", "qcow2", "-o", "extended_l2=on", path, "77777k");
        await Tool.RunAsync("qemu-io", "-c", "write 0 1k", "-c", "write 5000k 3M", "-c", "write -z 5100k 20k", "-c", "write 77k 1k", path);
        await Tool.RunAsync("qemu-img", "bitmap", "--add", path, "some");
        string[] arguments = options.Length == 0 ? [] : ["-o", options];
        using var document = JsonDocument.Parse(await Tool.RunAsync("qemu-img", ["measure", "--output=json", "-O", "qcow2", .. arguments, path]));

        await using var image = await Oracle.OpenAsync(buffers, path);
        var ours = await new Qcow2Driver().MeasureAsync(Request("", image.Length, options), new ImageContent(image));
        Assert.Equal(document.RootElement.GetProperty("required").GetInt64(), ours.Required);
        Assert.Equal(document.RootElement.GetProperty("fully-allocated").GetInt64(), ours.FullyAllocated);
        Assert.Equal(document.RootElement.TryGetProperty("bitmaps", out var bitmaps) ? bitmaps.GetInt64() : null, ours.Bitmaps);
    }

    [Fact]
    public async Task Options_are_listed_as_by_qemu()
    {
        var output = await Tool.RunAsync("qemu-img", "create", "-f", "qcow2", "-o", "help");
        var theirs = output.Split('\n').Where(line => line.StartsWith("  ", StringComparison.Ordinal)).Select(line =>
        {
            var parts = line.Trim().Split(" - ", 2);
            return (parts[0].Split('=')[0].Trim(), parts[1]);
        });
        Assert.Equal(theirs, new Qcow2Driver().CreateOptions.OrderBy(option => option.Name, StringComparer.Ordinal).Select(option => (option.Name, option.Help)));
    }

    private static async Task CreateAsync(BufferPool buffers, string path, long length, string options) =>
        await new Qcow2Driver().CreateAsync(new PlainFileHost(buffers), Request(path, length, options));

    private static CreateRequest Request(string path, long length, string options) =>
        new(path, length, OptionTree.ParseKeyValues(options).Values.Where(o => o.Key != "size").ToDictionary());

    // Everything but what depends on the name and the layout.
    private static async Task<string> InfoAsync(string path, TempFolder folder)
    {
        var text = await Tool.RunAsync("qemu-img", "info", "--output=json", path);
        text = text.Replace(folder["their.data"], "DATA", StringComparison.Ordinal).Replace(folder["our.data"], "DATA", StringComparison.Ordinal);
        var node = JsonNode.Parse(text)!.AsObject();
        node.Remove("filename");
        node.Remove("actual-size");
        return node.ToJsonString();
    }

    // The runs are the same; only their places in the file may differ.
    private static async Task AssertSameShapeAsync(BufferPool buffers, string theirPath, string ourPath)
    {
        await using var theirs = await Oracle.OpenAsync(buffers, theirPath);
        await using var ours = await Oracle.OpenAsync(buffers, ourPath);
        Assert.Equal(theirs.Length, ours.Length);
        for (long offset = 0; offset < ours.Length;)
        {
            var their = await theirs.Format.MapAsync(offset, ours.Length - offset);
            var our = await ours.Format.MapAsync(offset, ours.Length - offset);
            var length = Math.Min(their.Length, our.Length);
            Assert.Equal((their.Kind, their.HostOffset >= 0), (our.Kind, our.HostOffset >= 0));
            offset += length;
        }
    }

    private sealed class ImageContent(Image image) : IMeasuredContent
    {
        public long Length => image.Length;

        public async ValueTask<(long Length, bool IsData)> GetRunAsync(long offset, long maxLength)
        {
            var status = await image.GetStatusAsync(offset, maxLength);
            return (status.Length, !status.IsZero && status.IsData && status.IsAllocated);
        }

        public long? MeasureBitmaps(int clusterLength) => ((Qcow2Image)image.Format).MeasureBitmaps(clusterLength);
    }
}
