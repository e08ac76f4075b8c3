namespace BlockUring.Jobs;

/// <summary>What a user can do to a job. <see cref="JobTables"/> says in which status.</summary>
public enum JobVerb
{
    /// <summary>End it without its result.</summary>
    Cancel,

    /// <summary>Hold it.</summary>
    Pause,

    /// <summary>Let it go on.</summary>
    Resume,

    /// <summary>Limit its speed.</summary>
    SetSpeed,

    /// <summary>Make a ready job end.</summary>
    Complete,

    /// <summary>Make the results of a pending transaction final.</summary>
    Finalize,

    /// <summary>Forget a concluded job.</summary>
    Dismiss,

    /// <summary>Change its options.</summary>
    Change,
}
