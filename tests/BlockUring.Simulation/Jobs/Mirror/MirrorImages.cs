using BlockUring.Jobs.Backup;
using BlockUring.Simulation.Jobs.Backup;

namespace BlockUring.Simulation.Jobs.Mirror;

/// <summary>The images of one mirror: a disk, perhaps with layers below, and a target that becomes equal to it by what the mirror copies.</summary>
internal sealed class MirrorImages
{
    public const string SourcePath = "/sim/s";
    public const string TargetPath = "/target/t";
    public const string BackingPath = "/sim/backing";

    private readonly Random random;
    private readonly TestImages images;

    public MirrorImages(TestImages images, Random random, bool isCommit)
    {
        (this.images, this.random) = (images, random);
        IsCommit = isCommit;
        if (isCommit)
            MakeChain();
        else
            MakePair();
    }

    public bool IsCommit { get; }

    public BackupSync Sync { get; private set; }

    public long Length { get; private set; }

    public string SourceFormat { get; private set; } = "qcow2";

    public string TargetFormat { get; private set; } = "";

    /// <summary>For a commit, the layers between the disk's own and the base, the lowest first.</summary>
    public List<string> Middle { get; } = [];

    public bool HasBacking { get; private set; }

    public bool IsTargetEmpty { get; private set; }

    private int ClusterLength => 1 << random.Next(9, 22);

    private void MakePair()
    {
        Length = NewLength();
        Sync = (BackupSync)random.Next(5);
        SourceFormat = Sync != BackupSync.Top && random.Next(2) == 0 ? "raw" : "qcow2";
        HasBacking = SourceFormat == "qcow2" && (Sync == BackupSync.Top || random.Next(2) == 0);
        if (HasBacking)
        {
            images.Create(BackingPath, "raw", Math.Max(512, (long)(Length * random.NextDouble() * 1.5) & -512), 0);
            images.Fill(BackingPath, "raw", 0.7);
        }

        images.Create(SourcePath, SourceFormat, Length, ClusterLength, HasBacking ? BackingPath : null);
        images.Fill(SourcePath, SourceFormat, random.NextDouble());
        TargetFormat = Sync == BackupSync.Top || random.Next(2) == 0 ? "qcow2" : "raw";
        images.Create(TargetPath, TargetFormat, Length, ClusterLength, Sync == BackupSync.Top ? BackingPath : null);
        if (Sync is not (BackupSync.Full or BackupSync.Top))
            images.Write(TargetPath, TargetFormat, images.Read(SourcePath, SourceFormat));
        else if (Sync == BackupSync.Full && random.Next(2) == 0)
            images.Fill(TargetPath, TargetFormat, 0.8);
        else
            IsTargetEmpty = true;
    }

    private void MakeChain()
    {
        Sync = BackupSync.Full;
        TargetFormat = random.Next(2) == 0 ? "qcow2" : "raw";
        var length = NewLength();
        images.Create(TargetPath, TargetFormat, length, ClusterLength);
        images.Fill(TargetPath, TargetFormat, 0.7);
        var (below, format) = (TargetPath, TargetFormat);
        for (var count = random.Next(3); count > 0; count--)
        {
            var path = $"/sim/m{count}";
            images.Create(path, "qcow2", random.Next(2) == 0 ? length : NewLength(), ClusterLength, below, format);
            images.Fill(path, "qcow2", random.NextDouble() * 0.6);
            Middle.Add(path);
            (below, format) = (path, "qcow2");
        }

        // Why not shorter: the base is never cut.
        Length = length + (random.Next(2) * 512 * random.Next(500));
        images.Create(SourcePath, "qcow2", Length, ClusterLength, below, format);
        images.Fill(SourcePath, "qcow2", random.NextDouble() * 0.6);
    }

    private long NewLength() => (random.Next(1, 40) * 65536L) - (random.Next(2) == 0 ? 512 * random.Next(128) : 0);
}
