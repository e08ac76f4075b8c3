namespace BlockUring.Qmp.Commands.Transactions;

/// <summary>
/// One of the things that a transaction does together. All are prepared in order; then all are committed in order, or, when one cannot be
/// prepared, those before it are aborted, the last one first. At the end all that were prepared are cleaned.
/// </summary>
/// <remarks>The caller holds the graph's change, and in a transaction the users of <see cref="Nodes"/> are quiet from the first to the last call.</remarks>
internal abstract class TransactionAction
{
    /// <summary>Whether it is or has a job that can end together with others.</summary>
    public virtual bool CanBeGrouped => false;

    /// <summary>The names of the nodes whose writes must not fall between this action and the others. There need not be such nodes.</summary>
    public virtual IReadOnlyList<string> Nodes => [];

    /// <summary>Does everything that can fail.</summary>
    /// <exception cref="QmpException">Why not; everything is as before.</exception>
    /// <exception cref="Storage.BlockException">Why not; everything is as before.</exception>
    public abstract ValueTask PrepareAsync();

    /// <summary>Makes final what was prepared; cannot fail.</summary>
    public virtual void Commit()
    {
    }

    /// <summary>Takes back what was prepared; cannot fail.</summary>
    public virtual ValueTask AbortAsync() => ValueTask.CompletedTask;

    /// <summary>Gives back what was needed on the way, after <see cref="Commit"/> or <see cref="AbortAsync"/>; cannot fail.</summary>
    public virtual ValueTask CleanAsync() => ValueTask.CompletedTask;
}
