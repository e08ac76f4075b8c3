namespace BlockUring.Simulation.Storage;

/// <summary>For requests to plain memory, which have ended when they return.</summary>
internal static class CompletedTasks
{
    public static T Now<T>(this ValueTask<T> task) => task.AsTask().GetAwaiter().GetResult();

    public static void Now(this ValueTask task) => task.AsTask().GetAwaiter().GetResult();
}
