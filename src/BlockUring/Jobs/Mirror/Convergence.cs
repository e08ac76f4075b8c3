namespace BlockUring.Jobs.Mirror;

/// <summary>Tells from one pass of copying to the next whether the copy gets closer to the disk that is being written.</summary>
internal sealed class Convergence
{
    // Why not one: a burst of writes during one pass says little.
    private const int MaxPasses = 3;

    private int passes;

    /// <summary>Whether the guest writes as fast as the job copies.</summary>
    public bool IsStuck => passes >= MaxPasses;

    /// <summary>A pass has ended.</summary>
    /// <param name="before">Bytes that the target lacked when it began.</param>
    /// <param name="after">Bytes that the target lacks now.</param>
    public void Note(long before, long after) => passes = after > before - (before >> 2) ? passes + 1 : 0;

    /// <summary>The copy had caught up.</summary>
    public void Reset() => passes = 0;
}
