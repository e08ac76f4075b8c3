namespace BlockUring.Simulation.Jobs.SafeCommit;

/// <summary>What happens to a commit.</summary>
internal enum TreeTrouble
{
    None,
    Cancel,
    Faults,
    PowerCut,
}
