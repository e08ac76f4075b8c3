namespace BlockUring.Images;

/// <summary>An internal snapshot.</summary>
/// <param name="Id">Its identifier, unique in the image.</param>
/// <param name="Name">Its name.</param>
/// <param name="VmStateBytes">Bytes of saved machine state, 0 for a disk-only snapshot.</param>
/// <param name="Taken">When it was taken.</param>
/// <param name="VmClockNanoseconds">The guest's clock at that moment, in nanoseconds.</param>
/// <param name="InstructionCount">The guest's instruction count, null when it was not recorded.</param>
public sealed record SnapshotDescription(
    string Id,
    string Name,
    long VmStateBytes,
    DateTimeOffset Taken,
    long VmClockNanoseconds,
    long? InstructionCount);
