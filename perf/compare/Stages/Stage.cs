using BlockUring.Compare.Cases;

namespace BlockUring.Compare.Stages;

/// <summary>Where sources and targets live during the timed runs. Disposing it undoes everything it made on the host.</summary>
internal abstract class Stage : IDisposable
{
    /// <summary><c>disk</c> or <c>ram</c>.</summary>
    public abstract string Name { get; }

    /// <summary>One line for the report: what files or devices, and their state before each run.</summary>
    public abstract string Description { get; }

    /// <summary>The path that stands for the source in the command lines.</summary>
    public abstract string PlaceSource(SourceImage source);

    /// <summary>The path of the target for images of this format and guest size.</summary>
    public abstract string PlaceTarget(string format, long guestBytes);

    /// <summary>Brings source cache and target into the same state before every run; not timed.</summary>
    public abstract void BeforeRun();

    /// <summary>Leaves nothing of an earlier copy in the target, so that a check cannot be passed by doing nothing.</summary>
    public abstract void SpoilTarget();

    /// <summary>Flushes the target to its device; timed, for both sides.</summary>
    public abstract void MakeTargetDurable();

    /// <summary>Bytes the last target occupies on its file system, or null when that means nothing here.</summary>
    public abstract long? AllocatedTargetBytes();

    /// <inheritdoc/>
    public abstract void Dispose();

    /// <summary>The target the project accepts for a case on this stage.</summary>
    public abstract Target TargetOf(CompareCase compareCase);

    /// <summary>Why the case cannot run here, or null.</summary>
    public virtual string? Refuses(CompareCase compareCase) => null;

    /// <summary>fsync of a file or block device.</summary>
    protected static void Flush(string path)
    {
        using var file = File.OpenHandle(path, FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite);
        RandomAccess.FlushToDisk(file);
    }
}
