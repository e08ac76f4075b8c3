namespace BlockUring.Jobs;

/// <summary>What a user wants a job to do when a request fails.</summary>
public enum JobErrorPolicy
{
    /// <summary>Fail.</summary>
    Report,

    /// <summary>Go on as if nothing had happened.</summary>
    Ignore,

    /// <summary>Stop where the device is full, else fail.</summary>
    Enospc,

    /// <summary>Pause until the user resumes it, then try again.</summary>
    Stop,

    /// <summary>As <see cref="Enospc"/>.</summary>
    Auto,
}
