namespace BlockUring.Simulation.Jobs.Rebase;

/// <summary>What happens to a rebase.</summary>
internal enum RebaseTrouble
{
    /// <summary>Nothing.</summary>
    None,

    /// <summary>One request, or a share of them, fails.</summary>
    Fault,

    /// <summary>The user stops it.</summary>
    Stop,

    /// <summary>The power goes.</summary>
    PowerCut,
}
