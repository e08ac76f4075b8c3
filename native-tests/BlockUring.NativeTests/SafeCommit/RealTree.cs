using System.Globalization;
using BlockUring.NativeTests.Images;
using Xunit;

namespace BlockUring.NativeTests.SafeCommit;

/// <summary>A tree of images made by QEMU's tools, in a folder, with a raw copy of what each of them shows.</summary>
internal sealed class RealTree(string folder, Random random)
{
    private const int MaxDepth = 5;
    private const int MaxWidth = 3;

    /// <summary>All images, each behind the one below it.</summary>
    public List<RealImage> All { get; } = [];

    /// <summary>One path from the root to a leaf.</summary>
    public List<RealImage> Trunk { get; } = [];

    public IEnumerable<RealImage> OverlaysOf(RealImage image) => All.Where(i => i.Parent == image);

    public bool IsLeaf(RealImage image) => !OverlaysOf(image).Any();

    /// <summary>Makes the images.</summary>
    public async Task GrowAsync()
    {
        Trunk.Add(await AddAsync(null, random.Next(2) == 0 ? "raw" : "qcow2", Length()));
        for (var depth = random.Next(2, MaxDepth); Trunk.Count < depth;)
        {
            var below = Trunk[^1];
            Trunk.Add(await AddAsync(below, "qcow2", NextLength(below)));
            for (var width = random.Next(MaxWidth); width > 0; width--)
                await AddAsync(below, "qcow2", NextLength(below));
        }
    }

    /// <summary>Notes what every image shows now.</summary>
    public async Task NoteAsync()
    {
        foreach (var image in All)
            await Tool.RunAsync("qemu-img", "convert", "-f", image.Format, "-O", "raw", Of(image.File), Of(image.Shown));
    }

    /// <summary>Writes to an image by a command of qemu-io, and to the copy of what it shows.</summary>
    /// <param name="image">Which.</param>
    /// <param name="write">Does it to the image.</param>
    public async Task WriteAsync(RealImage image, Action<string> write)
    {
        var length = Math.Min((random.NextInt64(1, 300_000) + 511) & -512, image.Length);
        var offset = random.NextInt64(image.Length - length + 1) & -512;
        var command = random.Next(4) == 0 ? $"write -z {offset} {length}" : $"write -P {random.Next(256)} {offset} {length}";
        await Tool.RunAsync("qemu-io", "-f", "raw", "-c", command, Of(image.Shown));
        write(command);
    }

    /// <summary>All images but one show what they showed, and are sound.</summary>
    /// <param name="but">The one.</param>
    /// <param name="mayLeak">Whether clusters may be lost.</param>
    public async Task JudgeAsync(RealImage but, bool mayLeak)
    {
        foreach (var image in All)
        {
            if (image.Format == "qcow2")
            {
                var (code, output, error) = await Tool.TryRunAsync("qemu-img", "check", "-f", "qcow2", Of(image.File));
                Assert.True(code == 0 || (mayLeak && code == 3), $"{image}: check says {code}\n{output}{error}");
            }

            if (image != but)
                await CompareAsync(image, image);
        }
    }

    /// <summary>One image shows what another one did.</summary>
    public async Task CompareAsync(RealImage image, RealImage wanted)
    {
        var (code, output, error) = await Tool.TryRunAsync(
            "qemu-img", "compare", "-f", image.Format, "-F", "raw", Of(image.File), Of(wanted.Shown));
        Assert.True(code == 0, $"{image} does not show what {wanted.Name} showed: {output}{error}\n{this}");
    }

    public override string ToString() => string.Join('\n', All);

    private async Task<RealImage> AddAsync(RealImage? parent, string format, long length)
    {
        var image = new RealImage($"i{All.Count}", format, parent, length);
        var arguments = new List<string> { "create", "-q", "-f", format };
        if (format == "qcow2")
        {
            var bits = random.Next(6) == 0 ? random.Next(17, 22) : random.Next(9, 17);
            arguments.AddRange(["-o", $"cluster_size={1 << bits}" + Kind(bits)]);
        }

        if (parent != null)
            arguments.AddRange(["-b", parent.File, "-F", parent.Format]);
        await Tool.RunAsync("qemu-img", [.. arguments, Of(image.File), length.ToString(CultureInfo.InvariantCulture)]);
        await FillAsync(image);
        All.Add(image);
        return image;
    }

    private string Kind(int bits) => random.Next(4) switch
    {
        0 => ",compat=0.10",
        1 when bits >= 14 => ",extended_l2=on",
        _ => "",
    };

    private async Task FillAsync(RealImage image)
    {
        var arguments = new List<string> { "-f", image.Format, "-d", "unmap" };
        for (var count = random.Next(8); count > 0; count--)
        {
            var length = Math.Min((random.NextInt64(1, 400_000) + 511) & -512, image.Length);
            var offset = random.NextInt64(image.Length - length + 1) & -512;
            arguments.AddRange(["-c", random.Next(6) switch
            {
                0 => $"write -z {offset} {length}",
                1 => $"write -z -u {offset} {length}",
                2 => $"discard {offset} {length}",
                _ => $"write -P {random.Next(256)} {offset} {length}",
            }]);
        }

        if (arguments.Count > 4)
            await Tool.RunAsync("qemu-io", [.. arguments, Of(image.File)]);
    }

    private string Of(string file) => Path.Combine(folder, file);

    private long Length() => (random.NextInt64(1, 3 << 20) + 511) & -512;

    private long NextLength(RealImage below) => random.Next(3) == 0 ? Length() : below.Length;
}
