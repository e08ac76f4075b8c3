using BlockUring.Simulation.Storage;
using BlockUring.Storage;
using Xunit;

namespace BlockUring.Simulation.Images.Qcow2;

/// <summary>
/// Looks, after each change of a file, at what would be left if the power went just then: the image opens, nothing is corrupt, what was flushed is there,
/// every other byte is one that a write made, snapshots are those of before or after their change, and at times, that work goes on with it.
/// </summary>
/// <param name="world">Its random requests run on <paramref name="host"/>.</param>
/// <param name="host">With the files.</param>
/// <param name="seed">Of what is lost.</param>
internal sealed class CutWatch(ImageWorld world, SimulatedHost host, int seed)
{
    private const int WorkInterval = 24;

    private readonly Random random = new(seed);
    private Exception? failure;

    /// <summary>How many cuts were looked at.</summary>
    public int Count { get; private set; }

    /// <summary>The power goes now, as far as a copy is concerned.</summary>
    public void Cut()
    {
        if (failure != null)
            return;
        Count++;
        var files = host.IfCutNow(random);
        try
        {
            Judge(files);
            if (Count % WorkInterval == 0)
                Work(files);
        }
        catch (Exception e)
        {
            var stories = host.Opened.Select(f => $"{f.Key}: {f.Value.CutStory}");
            failure = new InvalidOperationException($"The power went after change {Count}. Not flushed were, in order:\n{string.Join('\n', stories)}", e);
        }
    }

    /// <summary>Throws what was found first.</summary>
    public void ThrowIfFailed()
    {
        if (failure != null)
            throw failure;
    }

    private void Judge(Dictionary<string, MemoryFile> files)
    {
        var check = ImageCheck.Of(files[ImageKind.Path]);
        Assert.True(check.Errors.Count == 0, string.Join('\n', check.Errors.Take(10)));
        var impossible = world.Model.FirstImpossible(ImageWorld.ReadAll(world.Buffers, files)) ?? world.Snapshots?.FirstImpossible(world.Buffers, files);
        Assert.True(impossible == null, impossible);
    }

    private void Work(Dictionary<string, MemoryFile> files)
    {
        var fork = world.ForkWith(seed + Count, files);
        var disk = new SimulatedDisk(seed + Count);
        disk.Run(async () => Assert.Empty(await fork.RunAsync(new SimulatedHost(fork.Buffers, fork.Files, disk), 6)));
        Assert.Empty(fork.Check().Errors);
        Assert.True(fork.Model.Content.SequenceEqual(fork.ReadAll()), "after more work the disk is not what was written");
    }
}
