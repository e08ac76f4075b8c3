using BlockUring.Simulation.Jobs.Backup;

namespace BlockUring.Simulation.Jobs.Commit;

/// <summary>Makes chains of images of all lengths and cluster sizes.</summary>
internal sealed class CommitChainMaker(TestImages images, Random random)
{
    private int count;

    /// <summary>Makes an image on another one.</summary>
    public CommitLayer Make(CommitLayer? backing)
    {
        var name = backing == null ? "base" : $"l{count++}";
        var format = backing == null && random.Next(2) == 0 ? "raw" : "qcow2";
        var path = CommitLayer.PathOf(name, backing);
        images.Create(path, format, Length(backing), 1 << random.Next(9, 22), backing?.Path, backing?.Format ?? "raw");
        images.Fill(path, format, random.Next(4) * 0.25);
        return new CommitLayer(name, format, backing, images.Read(path, format));
    }

    // Why often the same: a chain of overlays that nobody resized is the rule.
    private long Length(CommitLayer? backing)
    {
        if (backing != null && random.Next(3) == 0)
            return backing.View.Length;
        var clusters = random.Next(1, random.Next(3) == 0 ? 40 : 6);
        return (clusters * 65536L) - (random.Next(2) == 0 ? 512 * random.Next(128) : 0);
    }
}
