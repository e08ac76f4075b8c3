using BlockUring.Images;
using BlockUring.Images.Qcow2;
using BlockUring.Native.Memory;
using BlockUring.Simulation.Storage;
using BlockUring.Storage;

namespace BlockUring.Simulation.Images.Qcow2;

/// <summary>A qcow2 image of some kind in memory with its other files, the model of its content, and random requests to it.</summary>
internal sealed class ImageWorld : IDisposable
{
    private readonly Random random;

    private ImageWorld(int seed)
        : this(new Random(seed), k => k)
    {
    }

    private ImageWorld(Random random, Func<ImageKind, ImageKind> adapt)
    {
        this.random = random;
        Kind = adapt(ImageKind.Draw(random));
    }

    public ImageKind Kind { get; }

    public BufferPool Buffers { get; private init; } = new(1L << 30);

    public Dictionary<string, MemoryFile> Files { get; private set; } = [];

    public GuestModel Model { get; private set; } = new([], 0, []);

    /// <summary>The internal snapshots, where random requests are to change them; null where not.</summary>
    public SnapshotModel? Snapshots { get; private set; }

    /// <summary>Whether the last requests made the disk smaller: what fails of giving space back after that, nobody is told.</summary>
    public bool HasShrunk { get; private set; }

    /// <summary>Makes an image, fills a part of it, and takes a snapshot of it where its kind has one.</summary>
    public static ImageWorld Make(int seed)
    {
        var world = new ImageWorld(seed);
        world.Create();
        var steps = world.random.Next(4) * 8;
        if (steps > 0)
        {
            world.RunQuietly(steps);
            if (world.Kind.HasSnapshot && ImageSurgery.TryTakeSnapshot(world.Files[ImageKind.Path]))
                world.RunQuietly(world.random.Next(3) * 5);
        }

        return world;
    }

    /// <summary>Makes a small image, whose snapshots random requests change, too, and fills a part of it.</summary>
    /// <param name="seed">Of everything.</param>
    /// <param name="maxLength">Bytes of its disk at most.</param>
    /// <param name="steps">Requests to fill it.</param>
    public static ImageWorld MakeSmall(int seed, long maxLength, int steps)
    {
        var world = new ImageWorld(new Random(seed), k => k.Small(maxLength));
        if (!world.Kind.HasDataFile)
            world.Snapshots = new SnapshotModel();
        world.Create();
        if (steps > 0)
            world.RunQuietly(steps);
        return world;
    }

    /// <summary>A copy of the world as it is, with random requests of its own. It lives as long as this one, which is the one to be disposed.</summary>
    public ImageWorld Fork(int seed) => ForkWith(seed, Files.ToDictionary(f => f.Key, f => SimulatedFile.Copy(f.Value)));

    /// <summary>The world as it goes on with other files, with random requests of its own. It lives as long as this one.</summary>
    public ImageWorld ForkWith(int seed, Dictionary<string, MemoryFile> files)
    {
        var fork = new ImageWorld(new Random(seed), _ => Kind) { Buffers = Buffers, Snapshots = Snapshots?.Clone() };
        fork.Adopt(files);
        return fork;
    }

    /// <summary>Goes on with other files (after a power cut, say).</summary>
    public void Adopt(Dictionary<string, MemoryFile> files)
    {
        Files = files;
        Snapshots?.Settle(files);
        Model = new GuestModel(ReadAll(), Kind.MaxLength, BackingBytes());
    }

    /// <summary>Opens the image for writing on a disk, makes random requests, several at a time, flushes in between and at the end.</summary>
    /// <returns>The requests that failed.</returns>
    public async Task<List<Exception>> RunAsync(FileHost host, int steps, bool checksReads = true, bool changesSnapshots = true)
    {
        var failures = new List<Exception>();
        if (host is SimulatedHost simulated)
            simulated.DiscardFills[ImageKind.Path] = 0xdd;
        var image = await OpenAsync(host);
        image.Format.PassesDiscards = random.Next(2) == 0;
        var kind = Kind with { HasSnapshot = Kind.HasSnapshot || image.Format.Describe().Snapshots.Count > 0 };
        var sequence = new RequestSequence(image, kind, Model, random, failures) { ChecksReads = checksReads, Snapshots = changesSnapshots ? Snapshots : null };
        await sequence.RunAsync(steps);
        HasShrunk = sequence.HasShrunk;
        try
        {
            await sequence.FlushAsync();
        }
        catch (BlockException e)
        {
            failures.Add(e);
            await sequence.FlushAsync();
        }

        await image.DisposeAsync();
        return failures;
    }

    public static ValueTask<Image> OpenAsync(FileHost host, bool readOnly = false, bool forCheck = false) =>
        BackingChain.OpenAsync(
            ImageKind.Path,
            "qcow2",
            new ImageOpenSettings(host, new FileOpenOptions(readOnly)) { Secrets = Secret, ForCheck = forCheck },
            new Dictionary<string, string> { ["encrypt.key-secret"] = ImageKind.SecretName });

    /// <summary>All guest bytes, through our own mapping, straight from memory.</summary>
    public byte[] ReadAll() => ReadAll(Buffers, Files);

    /// <summary>All guest bytes that some files hold.</summary>
    /// <param name="buffers">For the reading.</param>
    /// <param name="files">The image and what it needs.</param>
    /// <param name="snapshot">The identifier of the snapshot to be read; null for the active disk.</param>
    public static byte[] ReadAll(BufferPool buffers, IReadOnlyDictionary<string, MemoryFile> files, string? snapshot = null)
    {
        var host = new MemoryFileHost(buffers);
        foreach (var file in files.Values)
            host.Add(file);
        var image = OpenAsync(host, readOnly: true).Now();
        if (snapshot != null)
            image.Format.LoadSnapshotAsync(snapshot, null).Now();
        var bytes = new byte[image.Length];
        using var buffer = buffers.Rent(1 << 20);
        for (var offset = 0; offset < bytes.Length; offset += buffer.Length)
        {
            var part = Math.Min(buffer.Length, bytes.Length - offset);
            image.ReadAsync(offset, buffer.Memory.Slice(0, part)).Now();
            buffer.Span[..part].CopyTo(bytes.AsSpan(offset));
        }

        image.DisposeAsync().Now();
        return bytes;
    }

    public ImageCheck Check() => ImageCheck.Of(Files[ImageKind.Path]);

    public void Dispose() => Buffers.Dispose();

    private static byte[] Secret(string id) => System.Text.Encoding.UTF8.GetBytes(ImageKind.Password);

    private void Create()
    {
        var host = new MemoryFileHost(Buffers);
        var options = OptionTree.ParseKeyValues(Kind.Options()).Values;
        new Qcow2Driver().CreateAsync(host, new CreateRequest(ImageKind.Path, Kind.Length, options) { Secrets = Secret }).Now();
        Files[ImageKind.Path] = (MemoryFile)host.OpenAsync(ImageKind.Path, new FileOpenOptions()).Now();
        if (Kind.HasDataFile)
            Files[ImageKind.DataPath] = (MemoryFile)host.OpenAsync(ImageKind.DataPath, new FileOpenOptions()).Now();
        var content = new byte[Kind.Length];
        if (Kind.BackingLength >= 0)
        {
            var backing = new byte[Kind.BackingLength];
            random.NextBytes(backing.AsSpan(0, Math.Min(backing.Length, 4096)));
            for (var at = 4096; at < backing.Length; at *= 2)
                backing.AsSpan(0, Math.Min(at, backing.Length - at)).CopyTo(backing.AsSpan(at));
            var file = new MemoryFile(Buffers, ImageKind.BackingPath);
            file.Write(0, backing);
            Files[ImageKind.BackingPath] = file;
            backing.AsSpan(0, (int)Math.Min(backing.Length, content.Length)).CopyTo(content);
        }

        Model = new GuestModel(content, Kind.MaxLength, BackingBytes());
    }

    private byte[] BackingBytes()
    {
        if (!Files.TryGetValue(ImageKind.BackingPath, out var file))
            return [];
        var bytes = new byte[file.Length];
        file.Read(0, bytes);
        return bytes;
    }

    private void RunQuietly(int steps)
    {
        var disk = new SimulatedDisk(random.Next()) { ImmediateShare = 1 };
        disk.Run(async () =>
        {
            var failures = await RunAsync(new SimulatedHost(Buffers, Files, disk), steps);
            if (failures.Count > 0)
                throw new InvalidOperationException("A request failed although nothing was made to.", failures[0]);
        });
    }
}
