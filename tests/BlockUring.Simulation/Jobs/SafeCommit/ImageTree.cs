using BlockUring.Native.Memory;
using BlockUring.Simulation.Images.Qcow2;
using BlockUring.Simulation.Jobs.Backup;
using BlockUring.Storage;
using Xunit;

namespace BlockUring.Simulation.Jobs.SafeCommit;

/// <summary>A random tree of images: up to six deep, up to four beside each other, of all sizes and kinds.</summary>
internal sealed class ImageTree
{
    private const int MaxDepth = 6;
    private const int MaxWidth = 4;
    private const int MaxCount = 14;

    private readonly Random random;
    private readonly TestImages images;

    public ImageTree(BufferPool buffers, Random random)
    {
        this.random = random;
        images = new TestImages(buffers, random);
        Grow();
    }

    public List<TreeImage> All { get; } = [];

    /// <summary>One path from the root to a leaf.</summary>
    public List<TreeImage> Trunk { get; } = [];

    public Dictionary<string, MemoryFile> Files => images.Files;

    public IEnumerable<TreeImage> OverlaysOf(TreeImage image) => All.Where(i => i.Parent == image);

    /// <summary>What an image shows in these files, through its own chain.</summary>
    public byte[] Read(TreeImage image, Dictionary<string, MemoryFile>? files = null) =>
        (files == null ? images : images.With(files)).Read(image.Path, image.Format);

    /// <summary>Every image but one shows what it showed before, or what its guest wrote; and none is damaged.</summary>
    public void Judge(TreeImage committedInto, Dictionary<string, MemoryFile>? files)
    {
        foreach (var image in All)
        {
            if (image.Format == "qcow2")
                Assert.Empty(ImageCheck.Of((files ?? images.Files)[image.Path]).Errors);
            if (image == committedInto)
                continue;
            var actual = Read(image, files);
            if (image.Guest is { IsReader: false } guest)
                Assert.True(guest.Model.FirstImpossible(actual) is var wrong && wrong == null, $"{image}: {wrong}");
            else
                DemandSame(image.Content, actual, image.ToString());
        }
    }

    public static void DemandSame(ReadOnlySpan<byte> wanted, ReadOnlySpan<byte> actual, string what)
    {
        Assert.Equal(wanted.Length, actual.Length);
        var same = wanted.CommonPrefixLength(actual);
        if (same < wanted.Length)
            Assert.Fail($"{what}: byte {same} is {actual[same]}, not {wanted[same]}");
    }

    public override string ToString() => string.Join('\n', All);

    private void Grow()
    {
        var depth = random.Next(2, MaxDepth + 1);
        var length = Length();
        Trunk.Add(Add(null, random.Next(2) == 0 ? "raw" : "qcow2", length));
        for (var level = 1; level < depth; level++)
        {
            var below = All.Where(i => i.Depth == level - 1).ToArray();
            var trunk = Trunk[^1];
            Trunk.Add(Add(trunk, "qcow2", NextLength(trunk)));
            for (var width = random.Next(MaxWidth); width > 0 && All.Count < MaxCount; width--)
            {
                var parent = random.Next(3) > 0 ? trunk : below[random.Next(below.Length)];
                Add(parent, "qcow2", NextLength(parent));
            }
        }
    }

    private TreeImage Add(TreeImage? parent, string format, long length)
    {
        var name = $"i{All.Count}";
        var cluster = 1 << (random.Next(8) == 0 ? random.Next(17, 22) : random.Next(9, 17));
        images.Create($"/sim/{name}", format, length, cluster, parent?.Path, parent?.Format ?? "raw");
        if (random.Next(8) > 0)
            images.Fill($"/sim/{name}", format, random.NextDouble() * (parent == null ? 1 : 0.6));
        var image = new TreeImage(name, format, parent, images.Read($"/sim/{name}", format));
        All.Add(image);
        return image;
    }

    private long Length() => (random.Next(8) == 0 ? random.NextInt64(1, 4 << 20) : random.NextInt64(1, 700_000)) + 511 & -512;

    // Overlays that are as long as what is below, longer and shorter.
    private long NextLength(TreeImage below) => random.Next(4) switch
    {
        0 => Length(),
        1 => (long)(below.Content.Length * (0.5 + random.NextDouble())) + 511 & -512,
        _ => below.Content.Length,
    };
}
