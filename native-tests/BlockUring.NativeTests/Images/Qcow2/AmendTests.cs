using System.Text.Json;
using Xunit;

namespace BlockUring.NativeTests.Images.Qcow2;

/// <summary>`amend` does and says what qemu-img does.</summary>
public sealed class AmendTests
{
    private static readonly string[] Writes = ["write -P 1 0 700k", "write -P 2 1m 64k", "write -P 3 1500k 33k", "write -z 200k 300k", "write -z 3m 64k"];

    // How the image is made, and what is amended, step by step.
    private static readonly (CheckCase Image, string[] Options)[] All =
    [
        (new("v3", "", "4M", Writes), ["compat=0.10", "compat=1.1", "lazy_refcounts=on", "lazy_refcounts=off"]),
        (new("v3, lazy", "lazy_refcounts=on", "4M", Writes), ["compat=v2"]),
        (new("v2", "compat=0.10,cluster_size=4k", "4M", Writes), ["lazy_refcounts=on", "compat=v3,lazy_refcounts=on", "compat=0.10,lazy_refcounts=off"]),
        (new("v2 and snapshots", "compat=0.10,cluster_size=4k", "4M", "write -P 1 0 700k", "snapshot a", "write -P 2 0 64k"), ["compat=1.1", "refcount_bits=64"]),
        (new("backing", "cluster_size=8k", "4M", ["backing", .. Writes]), ["compat=0.10", "backing_file=x", "backing_fmt=raw", "compat=1.1"]),
        (new("widths", "cluster_size=4k", "4M", Writes),
            ["refcount_bits=1", "refcount_bits=64", "refcount_bits=2", "refcount_bits=8", "compat=0.10", "refcount_bits=16", "compat=0.10", "refcount_bits=8"]),
        (new("widths of small clusters", "cluster_size=512", "4M", Writes), ["refcount_bits=64", "refcount_bits=1", "refcount_bits=16"]),
        (new("widths and snapshots", "cluster_size=4k", "4M", "write -P 1 0 1m", "snapshot a", "write -P 1 1m 1m", "snapshot b"),
            ["refcount_bits=4", "refcount_bits=1", "refcount_bits=2", "compat=0.10"]),
        (new("sizes", "cluster_size=4k", "4M", Writes), ["size=8M", "size=1M", "size=513", "size=1M,refcount_bits=32", "refcount_bits=16,size=2M,compat=0.10"]),
        (new("snapshot of another size", "", "4M", "snapshot a"), ["size=8M", "compat=0.10", "size=4M,compat=0.10"]),
        (new("data file", "cluster_size=4k", "4M", ["data-file", .. Writes]), ["compat=0.10", "data_file_raw=on", "data_file_raw=off", "refcount_bits=8"]),
        (new("subclusters", "extended_l2=on", "4M", Writes), ["compat=0.10", "refcount_bits=8", "lazy_refcounts=on"]),
        (new("zstd", "compression_type=zstd", "4M", Writes), ["compat=0.10"]),
        (new("zstd, compressed", "compression_type=zstd", "4M", "compress"), ["compat=0.10"]),
        (new("compressed", "", "4M", "compress"), ["compat=0.10", "compat=1.1", "refcount_bits=64"]),
        (new("refused", "", "4M", Writes),
            ["cluster_size=4k", "encryption=on", "encrypt.format=luks", "preallocation=full", "data_file=x", "data_file_raw=on", "compression_type=zstd",
                "extended_l2=on", "foo=1", "compat=2", "compat=", "refcount_bits=7", "refcount_bits=128", "lazy_refcounts=maybe", "encrypt.keyslot=1", "size=x", "help=1"]),
    ];

    public static TheoryData<int> Cases { get; } = [.. Enumerable.Range(0, All.Length)];

    [Theory]
    [MemberData(nameof(Cases))]
    public async Task An_amended_image_is_that_of_qemu_img(int index)
    {
        using var folder = new TempFolder();
        var (image, steps) = All[index];
        var ours = await image.MakeAsync(folder);
        var theirs = folder["theirs.qcow2"];
        File.Copy(ours, theirs);
        foreach (var options in steps)
        {
            var name = $"{image.Name}, {options}";
            var their = await Tool.TryRunAsync("qemu-img", "amend", "-f", "qcow2", "-o", options, theirs);
            var our = ImgRun.Run("amend", "-f", "qcow2", "-o", options, ours);
            Assert.True(their == our, $"{name}:\n{our}\nqemu-img's:\n{their}");
            await AssertSameAsync(name, ours, theirs);
        }
    }

    [Theory]
    [InlineData("amend")]
    [InlineData("amend", "-o", "size=2M")]
    [InlineData("amend", "-o", "help", "-f", "qcow2")]
    [InlineData("amend", "-o", "help", "-f", "raw")]
    [InlineData("amend", "-o", "help", "-f", "nothing")]
    [InlineData("amend", "-o", "help", "IMAGE")]
    [InlineData("amend", "-o", "size=2M", "-t", "nothing", "IMAGE")]
    [InlineData("amend", "-o", "size=2M", "-f", "raw", "IMAGE")]
    [InlineData("amend", "-q", "-p", "--force", "-o", "size=2M", "IMAGE")]
    public async Task A_command_line_is_answered_as_by_qemu_img(params string[] arguments)
    {
        using var folder = new TempFolder();
        await Tool.RunAsync("qemu-img", "create", "-q", "-f", "qcow2", folder["image"], "1M");
        string[] words = [.. arguments.Select(a => a == "IMAGE" ? folder["image"] : a)];
        Assert.Equal(await Tool.TryRunAsync("qemu-img", words), ImgRun.Run(words));
    }

    private static async Task AssertSameAsync(string name, string ours, string theirs)
    {
        var (exitCode, text, error) = await Tool.TryRunAsync("qemu-img", "check", "-f", "qcow2", ours);
        Assert.True(exitCode == 0, $"{name}:\n{text}{error}");
        (exitCode, text, error) = await Tool.TryRunAsync("qemu-img", "compare", "-f", "qcow2", "-F", "qcow2", ours, theirs);
        Assert.True(exitCode == 0, $"{name}:\n{text}{error}");
        Assert.Equal(await InfoAsync(theirs), await InfoAsync(ours));
    }

    private static async Task<string> InfoAsync(string path)
    {
        using var document = JsonDocument.Parse(await Tool.RunAsync("qemu-img", "info", "--output=json", path));
        return string.Join('\n', document.RootElement.EnumerateObject()
            .Where(p => p.Name is not ("filename" or "actual-size" or "children")).Select(p => $"{p.Name}: {p.Value}"));
    }
}
