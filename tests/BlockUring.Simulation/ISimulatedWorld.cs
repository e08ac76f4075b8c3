namespace BlockUring.Simulation;

/// <summary>What is simulated from one seed; its text says what that seed makes of it.</summary>
internal interface ISimulatedWorld : IDisposable
{
    /// <summary>Runs it to its end, and throws what is wrong.</summary>
    void Run();
}
