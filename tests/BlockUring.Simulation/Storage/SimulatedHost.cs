using BlockUring.Native.Interop;
using BlockUring.Native.Memory;
using BlockUring.Storage;

namespace BlockUring.Simulation.Storage;

/// <summary>Files in memory, opened as files on a <see cref="SimulatedDisk"/>.</summary>
internal sealed class SimulatedHost(BufferPool buffers, Dictionary<string, MemoryFile> contents, SimulatedDisk disk) : FileHost
{
    public override BufferPool Buffers => buffers;

    /// <summary>The files opened so far.</summary>
    public Dictionary<string, SimulatedFile> Opened { get; } = [];

    /// <summary>What discarded bytes of a file read as; zeroes for files not named here.</summary>
    public Dictionary<string, byte?> DiscardFills { get; } = [];

    /// <summary>Whether the files tell where their holes are.</summary>
    public bool ReportsHoles { get; init; }

    public override bool Exists(string path) => contents.ContainsKey(path);

    public override IReadOnlyList<string> ListFiles(string directory) =>
        [.. contents.Keys.Where(k => Path.GetDirectoryName(k) == directory).Order(StringComparer.Ordinal)];

    public override ValueTask<BlockFile> OpenAsync(string path, FileOpenOptions options)
    {
        if (!contents.TryGetValue(path, out var content))
            throw BlockException.FromErrno(Errno.ENOENT, "Could not open", path);
        var file = new SimulatedFile(disk, content) { DiscardFill = DiscardFills.GetValueOrDefault(path), ReportsHoles = ReportsHoles };
        // Why not a reader that comes later: what the writer has not flushed is known to the writer's file alone.
        if (!options.ReadOnly || !Opened.ContainsKey(path))
            Opened[path] = file;
        return new(file);
    }

    public override async ValueTask<BlockFile> CreateAsync(string path, long length, PreallocationMode preallocation, FileOpenOptions options)
    {
        var file = Opened[path] = new SimulatedFile(disk, contents[path] = new MemoryFile(buffers, path));
        await file.SetLengthAsync(length, preallocation);
        return file;
    }

    /// <summary>The files as they may be if the power goes now. Nothing changes.</summary>
    public Dictionary<string, MemoryFile> IfCutNow(Random random)
    {
        var fate = CutFate.Draw(random);
        foreach (var file in Opened.Values)
            file.BeginCut(fate, random);
        if (fate.HitsInFlight)
            disk.ApplyInFlightTo(random);
        return contents.ToDictionary(pair => pair.Key, pair => Opened.TryGetValue(pair.Key, out var file) ? file.EndCut() : pair.Value);
    }

    /// <summary>The files after a power cut.</summary>
    public Dictionary<string, MemoryFile> AfterPowerCut(Random random)
    {
        disk.ApplyInFlight();
        return contents.ToDictionary(
            pair => pair.Key, pair => Opened.TryGetValue(pair.Key, out var file) ? file.AfterPowerCut(random) : pair.Value);
    }
}
