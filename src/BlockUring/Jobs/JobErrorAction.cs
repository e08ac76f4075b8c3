namespace BlockUring.Jobs;

/// <summary>What a job does about a failed request.</summary>
public enum JobErrorAction
{
    /// <summary>It ends with the error.</summary>
    Report,

    /// <summary>It goes on.</summary>
    Ignore,

    /// <summary>It is paused now; it tries again when it is resumed.</summary>
    Stop,
}
