using System.Globalization;
using System.Text.RegularExpressions;
using BlockUring.Native.Memory;
using BlockUring.Simulation.Images.Qcow2;
using BlockUring.Storage;
using Xunit;

namespace BlockUring.NativeTests.Images.Qcow2;

/// <summary>Images on disk that QEMU's tools judge many at a time, since starting one of them costs more than judging a small image.</summary>
internal sealed partial class OracleBatch : IDisposable
{
    // In the header: the incompatible features' last byte, and the bit that says that the refcounts may be wrong.
    private const int FeatureOffset = 79;
    private const byte DirtyBit = 1;
    private const string Secret = $"secret,id={ImageKind.SecretName},data={ImageKind.Password}";

    private readonly TempFolder folder = new();

    /// <summary>What is in it.</summary>
    public List<Entry> Entries { get; } = [];

    /// <summary>Puts a world's files on disk.</summary>
    /// <param name="world">Not needed afterwards.</param>
    /// <param name="seed">For messages.</param>
    public Entry Add(ImageWorld world, int seed)
    {
        var entry = new Entry(seed, world.Kind, world.Model.Content.ToArray(), world.Snapshots?.Contents ?? new Dictionary<string, byte[]>());
        foreach (var (path, file) in world.Files)
            Write(file, PathOf(entry, path));
        Entries.Add(entry);
        return entry;
    }

    /// <summary>
    /// Lets QEMU check all images, and demands that it finds nothing. Those that can say that they are dirty say so: then opening them for writing is
    /// a check, and qemu-io opens one after the other.
    /// </summary>
    public async Task CheckAsync()
    {
        var arguments = new List<string>();
        foreach (var entry in Entries.Where(e => e.Kind.Version == 3))
        {
            SetDirty(PathOf(entry, ImageKind.Path));
            arguments.AddRange(["-c", $"open -o {Options(entry)}", "-c", "close"]);
        }

        if (arguments.Count > 0)
        {
            var (exitCode, text, error) = await Tool.TryRunAsync("qemu-io", ["--object", Secret, .. arguments]);
            if (exitCode != 0 || text.Length + error.Length > 0)
                await CheckSinglyAsync(Entries, $"{text}{error}");
        }

        await CheckSinglyAsync(Entries.Where(e => e.Kind.Version == 2), null);
    }

    /// <summary>Lets QEMU read all images, and demands that each is what its entry says.</summary>
    public async Task CompareAsync()
    {
        var names = Entries.Select(Json).ToArray();
        var path = folder["content"];
        await Tool.RunAsync("qemu-img", ["convert", "--object", Secret, "-O", "raw", .. names, path]);
        using var stream = File.OpenRead(path);
        foreach (var entry in Entries)
        {
            var actual = new byte[entry.Content.Length];
            stream.ReadExactly(actual);
            var same = actual.AsSpan().CommonPrefixLength(entry.Content);
            Assert.True(same == actual.Length, $"{entry}: for qemu-img, byte {same} of {actual.Length} differs");
        }

        Assert.Equal(stream.Length, stream.Position);
    }

    /// <summary>Lets QEMU read the snapshots of the first image that has some.</summary>
    public async Task CompareSnapshotsAsync()
    {
        if (Entries.Find(e => e.Snapshots.Count > 0) is not { } entry)
            return;
        var path = folder["content"];
        foreach (var (id, content) in entry.Snapshots)
        {
            await Tool.RunAsync("qemu-img", "convert", "--object", Secret, "-l", $"snapshot.id={id}", "-O", "raw", Json(entry), path);
            var actual = await File.ReadAllBytesAsync(path);
            var length = Math.Min(actual.Length, content.Length);
            var same = actual.AsSpan(0, length).CommonPrefixLength(content);
            Assert.True(same == length, $"{entry}: for qemu-img, byte {same} of snapshot {id} differs");
        }
    }

    /// <summary>Runs commands of qemu-io on each image.</summary>
    /// <param name="commands">Those for an image.</param>
    /// <returns>What `map` says of each in the end: where runs begin, and whether they are allocated.</returns>
    public async Task<IReadOnlyList<List<(long Offset, bool IsAllocated)>>> PlayAsync(Func<Entry, IEnumerable<string>> commands)
    {
        var arguments = new List<string>();
        foreach (var entry in Entries)
        {
            foreach (var command in (string[])["open", .. commands(entry), "map", "close"])
                arguments.AddRange(["-c", command == "open" ? $"open -o discard=unmap,{Options(entry)}" : command]);
        }

        var (exitCode, text, error) = await Tool.TryRunAsync("qemu-io", ["--object", Secret, .. arguments]);
        Assert.True(exitCode == 0 && error.Length == 0, $"seeds {Entries[0].Seed} to {Entries[^1].Seed}: {error}\n{text}");
        return ParseMaps(text);
    }

    /// <summary>The files of an image, as they are on disk.</summary>
    public Dictionary<string, MemoryFile> Load(Entry entry, BufferPool buffers)
    {
        var files = new Dictionary<string, MemoryFile>();
        foreach (var path in (string[])[ImageKind.Path, ImageKind.DataPath, ImageKind.BackingPath])
        {
            if (!File.Exists(PathOf(entry, path)))
                continue;
            files[path] = new MemoryFile(buffers, path);
            var bytes = File.ReadAllBytes(PathOf(entry, path));
            for (var at = 0; at < bytes.Length; at += 4096)
            {
                var part = bytes.AsSpan(at, Math.Min(4096, bytes.Length - at));
                if (part.ContainsAnyExcept((byte)0))
                    files[path].Write(at, part);
            }

            files[path].SetLengthAsync(bytes.Length).AsTask().GetAwaiter().GetResult();
        }

        return files;
    }

    public void Dispose() => folder.Dispose();

    private static void Write(MemoryFile file, string path)
    {
        using var stream = File.Create(path);
        var bytes = new byte[64 << 10];
        for (long offset = 0; offset < file.Length; offset += bytes.Length)
        {
            var part = bytes.AsSpan(0, (int)Math.Min(bytes.Length, file.Length - offset));
            file.Read(offset, part);
            if (!part.ContainsAnyExcept((byte)0))
                continue;
            stream.Position = offset;
            stream.Write(part);
        }

        stream.SetLength(file.Length);
    }

    private static void SetDirty(string path)
    {
        using var stream = new FileStream(path, FileMode.Open);
        stream.Position = FeatureOffset;
        var features = stream.ReadByte();
        stream.Position = FeatureOffset;
        stream.WriteByte((byte)(features | DirtyBit));
    }

    private static List<List<(long, bool)>> ParseMaps(string text)
    {
        List<List<(long, bool)>> maps = [];
        foreach (Match line in MapLine().Matches(text))
        {
            var offset = long.Parse(line.Groups[2].ValueSpan, NumberStyles.HexNumber, CultureInfo.InvariantCulture);
            if (offset == 0)
                maps.Add([]);
            maps[^1].Add((offset, line.Groups[1].Value == "allocated"));
        }

        return maps;
    }

    [GeneratedRegex(@"bytes +(allocated|not allocated) at offset .*\(0x([0-9a-f]+)\)")]
    private static partial Regex MapLine();

    private async Task CheckSinglyAsync(IEnumerable<Entry> entries, string? found)
    {
        foreach (var entry in entries)
        {
            var (exitCode, text, error) = await Tool.TryRunAsync("qemu-img", "check", "--object", Secret, Json(entry));
            Assert.True(exitCode == 0, $"{entry}\n{text}{error}");
        }

        Assert.True(found == null, $"seeds {Entries[0].Seed} to {Entries[^1].Seed}: qemu-io repairs something when it opens one of the images\n{found}");
    }

    private string PathOf(Entry entry, string path) => folder[$"{entry.Seed}-{Path.GetFileName(path)}"];

    // As options of qemu-io's "open".
    private string Options(Entry entry)
    {
        var text = $"driver=qcow2,file.driver=file,file.filename={PathOf(entry, ImageKind.Path)}";
        if (entry.Kind.HasDataFile)
            text += $",data-file.driver=file,data-file.filename={PathOf(entry, ImageKind.DataPath)}";
        if (entry.Kind.IsEncrypted)
            text += $",encrypt.format={entry.Kind.EncryptionFormat},encrypt.key-secret={ImageKind.SecretName}";
        if (entry.Kind.BackingLength >= 0)
            text += $",backing.driver=raw,backing.file.driver=file,backing.file.filename={PathOf(entry, ImageKind.BackingPath)}";
        return text;
    }

    // As a file name.
    private string Json(Entry entry) =>
        "json:{" + string.Join(',', Options(entry).Split(',').Select(o => o.Split('=')).Select(o => $"\"{o[0]}\":\"{o[1]}\"")) + "}";

    /// <summary>An image of the batch.</summary>
    /// <param name="Seed">It was made from.</param>
    /// <param name="Kind">Of image.</param>
    /// <param name="Content">What the disk must read as.</param>
    /// <param name="Snapshots">What its snapshots must read as, by their identifiers.</param>
    internal sealed record Entry(int Seed, ImageKind Kind, byte[] Content, IReadOnlyDictionary<string, byte[]> Snapshots)
    {
        public override string ToString() => $"seed {Seed}, {Kind}";
    }
}
