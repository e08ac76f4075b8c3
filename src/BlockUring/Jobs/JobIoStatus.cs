namespace BlockUring.Jobs;

/// <summary>Why a block job stopped.</summary>
public enum JobIoStatus
{
    /// <summary>It did not.</summary>
    Ok,

    /// <summary>A request failed.</summary>
    Failed,

    /// <summary>The device was full.</summary>
    NoSpace,
}
