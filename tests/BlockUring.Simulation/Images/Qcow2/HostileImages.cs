using BlockUring.Native.Memory;
using BlockUring.Simulation.Storage;
using BlockUring.Storage;

namespace BlockUring.Simulation.Images.Qcow2;

/// <summary>
/// Images that somebody means to break us with: sound ones of many kinds, with snapshots, bitmaps and compressed clusters, whose header, tables or
/// directories were changed.
/// </summary>
internal sealed class HostileImages : IDisposable
{
    private const int MaxImageLength = 1 << 20;

    private readonly List<Template> templates = [];

    /// <summary>Makes the sound ones.</summary>
    public HostileImages(int count)
    {
        for (var seed = 1; templates.Count < count; seed++)
        {
            using var world = ImageWorld.MakeSmall(seed, 192 << 10, 24);
            if (world.Kind.Version == 3 && seed % 2 == 0)
                AddBitmaps(world);
            if (world.Files[ImageKind.Path].Length <= MaxImageLength)
                templates.Add(new Template(world));
        }
    }

    /// <summary>For all of them.</summary>
    public BufferPool Buffers { get; } = new();

    /// <summary>A damaged one with its other files.</summary>
    public MemoryFileHost Draw(Random random)
    {
        var template = templates[random.Next(templates.Count)];
        var bytes = (byte[])template.Image.Clone();
        var how = random.Next(4);
        if (how != 0)
            bytes = template.Mutation.Damage(random).Image;
        if (how is 0 or 1)
            HostileHeader.Damage(bytes, random);
        var host = new MemoryFileHost(Buffers);
        foreach (var (path, content) in template.Others)
            host.Add(FileOf(path, content));
        host.Add(FileOf(ImageKind.Path, bytes));
        return host;
    }

    public void Dispose() => Buffers.Dispose();

    private static void AddBitmaps(ImageWorld world)
    {
        var host = new MemoryFileHost(world.Buffers);
        foreach (var file in world.Files.Values)
            host.Add(file);
        var image = ImageWorld.OpenAsync(host).Now();
        image.LoadBitmapsAsync().Now();
        for (var i = 0; i < 3; i++)
        {
            var bitmap = image.Bitmaps!.Create($"bitmap {i}", image.Length, 512L << i);
            bitmap.IsPersistent = true;
            bitmap.Set(0, image.Length / (i + 2));
        }

        image.StoreBitmapsAsync().Now();
        image.DisposeAsync().Now();
    }

    private MemoryFile FileOf(string path, byte[] content)
    {
        var file = new MemoryFile(Buffers, path);
        file.Write(0, content);
        return file;
    }

    private sealed class Template
    {
        public Template(ImageWorld world)
        {
            Image = Bytes(world.Files[ImageKind.Path]);
            Mutation = new MetadataMutation(Image);
            Others = [.. world.Files.Where(f => f.Key != ImageKind.Path).Select(f => (f.Key, Bytes(f.Value)))];
        }

        public byte[] Image { get; }

        public MetadataMutation Mutation { get; }

        public (string Path, byte[] Content)[] Others { get; }

        private static byte[] Bytes(MemoryFile file)
        {
            var bytes = new byte[file.Length];
            file.Read(0, bytes);
            return bytes;
        }
    }
}
