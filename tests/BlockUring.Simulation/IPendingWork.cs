namespace BlockUring.Simulation;

/// <summary>Something that has work in flight, whose end the <see cref="SimulatedScheduler"/> chooses.</summary>
internal interface IPendingWork
{
    /// <summary>How many are in flight.</summary>
    int PendingCount { get; }

    /// <summary>Ends one of them.</summary>
    void Complete(int index);
}
