using BlockUring.Bitmaps;
using BlockUring.Images.Qcow2;
using BlockUring.Simulation.Storage;
using BlockUring.Storage;
using Xunit;

namespace BlockUring.Simulation.Images.Qcow2;

/// <summary>
/// What the bitmaps in a file may hold: one that is not marked as in use must hold what it held when it was stored last, and nothing may have changed
/// since that has reached the disk; while they are being stored, it may also hold what it holds then.
/// </summary>
internal sealed class BitmapModel
{
    private readonly Dictionary<string, List<string>> possible = [];
    private readonly HashSet<string> mayBeMissing = [];

    // What was right before writes that may not have reached the disk yet, and the disk at that time.
    private readonly Dictionary<string, List<string>> before = [];
    private byte[] contentBefore = [];

    /// <summary>The bitmaps that the file must have.</summary>
    public IEnumerable<string> Names => possible.Keys.Where(n => !mayBeMissing.Contains(n));

    /// <summary>The header of the world's image.</summary>
    public static Qcow2Header ReadHeader(ImageWorld world)
    {
        var head = new byte[65536];
        world.Files[ImageKind.Path].Read(0, head);
        return Qcow2HeaderParser.Parse(head);
    }

    /// <summary>The image was opened: what was loaded is what was stored.</summary>
    public void Opened(DirtyBitmapList bitmaps, ReadOnlySpan<byte> content)
    {
        contentBefore = content.ToArray();
        before.Clear();
        foreach (var bitmap in bitmaps)
        {
            Assert.False(bitmap.IsInconsistent, $"{bitmap.Name} was stored and is inconsistent");
            Assert.True(!possible.TryGetValue(bitmap.Name!, out var states) || states.Contains(StateOf(bitmap)), $"{bitmap.Name} has changed");
            possible[bitmap.Name!] = [StateOf(bitmap)];
        }
    }

    public void Changing(string name)
    {
        if (possible.TryGetValue(name, out var states))
            states.Clear();
    }

    /// <summary>A write begins; the bitmaps are marked on its way.</summary>
    public void Writing(IEnumerable<DirtyBitmap> bitmaps)
    {
        foreach (var bitmap in bitmaps)
        {
            if (possible.TryGetValue(bitmap.Name!, out var states) && states.Count > 0)
                before[bitmap.Name!] = [.. states];
            Changing(bitmap.Name!);
        }
    }

    public void Removing(string name) => mayBeMissing.Add(name);

    public void Storing(DirtyBitmapList bitmaps)
    {
        foreach (var bitmap in bitmaps)
        {
            if (!possible.ContainsKey(bitmap.Name!))
                mayBeMissing.Add(bitmap.Name!);
            possible.TryAdd(bitmap.Name!, []);
            possible[bitmap.Name!].Add(StateOf(bitmap));
        }
    }

    public void Stored(DirtyBitmapList bitmaps, ReadOnlySpan<byte> content)
    {
        contentBefore = content.ToArray();
        before.Clear();
        possible.Clear();
        mayBeMissing.Clear();
        foreach (var bitmap in bitmaps)
            possible[bitmap.Name!] = [StateOf(bitmap)];
    }

    /// <summary>Reads the bitmaps of the file and fails where one is neither right nor inconsistent.</summary>
    public void DemandPossible(ImageWorld world) => DemandPossible(world, world.Files);

    /// <summary>The same of other files than those that the world has now.</summary>
    public void DemandPossible(ImageWorld world, IReadOnlyDictionary<string, MemoryFile> files)
    {
        var host = new MemoryFileHost(world.Buffers);
        foreach (var file in files.Values)
            host.Add(file);
        var image = ImageWorld.OpenAsync(host, readOnly: true).Now();
        image.LoadBitmapsAsync().Now();
        var isUnchanged = ImageWorld.ReadAll(world.Buffers, files).AsSpan().SequenceEqual(contentBefore);
        foreach (var bitmap in image.Bitmaps!.Where(b => !b.IsInconsistent))
        {
            Assert.True(possible.TryGetValue(bitmap.Name!, out var states), $"{bitmap.Name} was never stored, or has been removed");
            if (before.TryGetValue(bitmap.Name!, out var earlier) && isUnchanged)
                states = [.. states, .. earlier];
            Assert.True(states.Contains(StateOf(bitmap)), $"{bitmap.Name} is {StateOf(bitmap)}, not {string.Join(" or ", states)}");
        }

        foreach (var name in Names)
            Assert.True(image.Bitmaps!.Find(name) != null, $"{name} is missing");
        image.DisposeAsync().Now();
    }

    private static string StateOf(DirtyBitmap bitmap) => $"{bitmap.Granularity} {bitmap.Length} {bitmap.IsEnabled} {bitmap.Sha256Hex}";
}
