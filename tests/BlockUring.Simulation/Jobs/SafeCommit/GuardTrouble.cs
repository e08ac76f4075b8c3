namespace BlockUring.Simulation.Jobs.SafeCommit;

/// <summary>What happens to a commit.</summary>
internal enum GuardTrouble
{
    None,
    Cancel,
    Faults,
    PowerCut,
}
