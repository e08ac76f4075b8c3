namespace BlockUring.Jobs;

/// <summary>Where a job is in its life. <see cref="JobTables"/> says what may follow what.</summary>
public enum JobStatus
{
    /// <summary>Not known to anybody yet.</summary>
    Undefined,

    /// <summary>It exists and has not been started.</summary>
    Created,

    /// <summary>It works.</summary>
    Running,

    /// <summary>Nothing of it is in flight, and nothing will be until the last pause ends.</summary>
    Paused,

    /// <summary>It has done its work and keeps up with changes until it is completed.</summary>
    Ready,

    /// <summary>As <see cref="Paused"/>, for a job that was ready.</summary>
    Standby,

    /// <summary>It has done its work and waits for the other jobs of its transaction.</summary>
    Waiting,

    /// <summary>All of its transaction have done their work; to be finalised.</summary>
    Pending,

    /// <summary>It has failed or was cancelled, and is being cleaned up.</summary>
    Aborting,

    /// <summary>It is over; its result can still be asked for.</summary>
    Concluded,

    /// <summary>It is forgotten.</summary>
    Null,
}
