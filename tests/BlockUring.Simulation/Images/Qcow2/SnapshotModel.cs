using System.Globalization;
using BlockUring.Images;
using BlockUring.Images.Qcow2;
using BlockUring.Native.Memory;
using BlockUring.Simulation.Storage;
using BlockUring.Storage;

namespace BlockUring.Simulation.Images.Qcow2;

/// <summary>What the internal snapshots hold: those from before a change, or from after it while it goes on.</summary>
internal sealed class SnapshotModel
{
    private const int MaxCount = 4;

    private Dictionary<string, byte[]> before = [];
    private Dictionary<string, byte[]> after = [];

    /// <summary>How many there are.</summary>
    public int Count => before.Count;

    /// <summary>What each holds, by its identifier.</summary>
    public IReadOnlyDictionary<string, byte[]> Contents => before;

    /// <summary>A model of its own that knows the same.</summary>
    public SnapshotModel Clone() => new() { before = new(before), after = new(after) };

    /// <summary>Makes a snapshot, applies one or deletes one; nothing else goes on.</summary>
    public async Task ChangeAsync(Image image, ImageKind kind, GuestModel model, Random random)
    {
        var ids = before.Keys.Order(StringComparer.Ordinal).ToArray();
        var id = ids.Length == 0 ? null : ids[random.Next(ids.Length)];
        var choice = id == null ? 0 : ids.Length >= MaxCount ? random.Next(1, 3) : random.Next(3);
        await (choice switch
        {
            0 => CreateAsync(image, model),
            1 => ApplyAsync(image, kind, model, id!),
            _ => DeleteAsync(image, model, id!),
        });
    }

    /// <summary>Makes a snapshot.</summary>
    public Task CreateAsync(Image image, GuestModel model)
    {
        var next = before.Keys.Select(k => int.Parse(k, CultureInfo.InvariantCulture)).DefaultIfEmpty().Max() + 1;
        after = new(before) { [next.ToString(CultureInfo.InvariantCulture)] = model.Content.ToArray() };
        return RunAsync(model, async () => await image.Format.CreateSnapshotAsync("name", DateTimeOffset.UnixEpoch, null));
    }

    /// <summary>Deletes one.</summary>
    public Task DeleteAsync(Image image, GuestModel model, string id)
    {
        after = new(before);
        after.Remove(id);
        return RunAsync(model, async () => await image.Format.DeleteSnapshotAsync(id, null));
    }

    /// <summary>Goes back to one.</summary>
    public async Task ApplyAsync(Image image, ImageKind kind, GuestModel model, string id)
    {
        // Why: in version 2 snapshots have no length.
        var content = before[id];
        if (kind.Version < 3)
            Array.Resize(ref content, (int)model.Length);
        var old = model.Content.ToArray();
        var writes = model.Completed();
        var replace = model.BeginReplace(content);
        var hasSucceeded = false;
        try
        {
            await image.Format.ApplySnapshotAsync(id, "name");
            hasSucceeded = true;
            model.Flushed(writes);
        }
        catch (BlockException e) when (IsForRoom(e))
        {
            // All stays as it was.
        }
        finally
        {
            model.EndResize(replace, hasSucceeded);
            if (!hasSucceeded)
                model.Begin(0, old).IsDone = true;
        }
    }

    /// <summary>Reads the snapshots of some files.</summary>
    /// <returns>What is wrong; null when they are those from before the change in progress, or those from after it.</returns>
    public string? FirstImpossible(BufferPool buffers, IReadOnlyDictionary<string, MemoryFile> files)
    {
        var actual = new Dictionary<string, byte[]>();
        var file = files[ImageKind.Path];
        foreach (var snapshot in SnapshotTable.ReadAsync(file, Qcow2Opener.ReadHeaderAsync(file).Now()).Now())
            actual[snapshot.Id] = ImageWorld.ReadAll(buffers, files, snapshot.Id);
        return Difference(actual, before) is { } first && Difference(actual, after) is { } second ? $"{first}, {second}" : null;
    }

    /// <summary>What was in progress was broken off: either way is right from now on, as it is in some files.</summary>
    public void Settle(IReadOnlyDictionary<string, MemoryFile> files)
    {
        var file = files[ImageKind.Path];
        var ids = SnapshotTable.ReadAsync(file, Qcow2Opener.ReadHeaderAsync(file).Now()).Now().Select(s => s.Id);
        before = after = ids.ToHashSet().SetEquals(after.Keys) ? after : before;
    }

    private static string? Difference(Dictionary<string, byte[]> actual, Dictionary<string, byte[]> expected)
    {
        if (!actual.Keys.ToHashSet().SetEquals(expected.Keys))
            return $"the snapshots are {string.Join(' ', actual.Keys)}, not {string.Join(' ', expected.Keys)}";
        foreach (var (id, content) in expected)
        {
            // A snapshot is read with the length of the disk as it is now.
            var length = Math.Min(content.Length, actual[id].Length);
            var same = content.AsSpan(0, length).CommonPrefixLength(actual[id].AsSpan(0, length));
            if (same < length)
                return $"byte {same} of snapshot {id} is {actual[id][same]}, not {content[same]}";
        }

        return null;
    }

    private async Task RunAsync(GuestModel model, Func<Task> change)
    {
        var writes = model.Completed();
        try
        {
            await change();
            before = after;
            model.Flushed(writes);
        }
        catch (BlockException e) when (IsForRoom(e))
        {
            after = before;
        }
    }

    // Narrow refcounts have none.
    private static bool IsForRoom(BlockException e) => e.Message.Contains("cannot exceed", StringComparison.Ordinal);
}
