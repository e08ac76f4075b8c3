namespace BlockUring.Images.Qcow2;

/// <summary>Host clusters in a row, newly allocated: refcount one, in no table yet.</summary>
/// <param name="HostOffset">Where the first one is.</param>
/// <param name="Count">How many, 1 or more.</param>
/// <param name="IsZero">Whether they read as zeroes for certain: they lie where the file never reached before.</param>
internal readonly record struct ClusterRun(long HostOffset, int Count, bool IsZero);
