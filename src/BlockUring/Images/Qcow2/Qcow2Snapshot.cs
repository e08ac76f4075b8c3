namespace BlockUring.Images.Qcow2;

/// <summary>An internal snapshot, as the snapshot table lists it (specification: "Snapshots").</summary>
/// <param name="Id">Unique within the image.</param>
/// <param name="Name">Given by the user.</param>
/// <param name="VmStateLength">Bytes of saved machine state, 0 for none.</param>
/// <param name="TakenAt">When it was taken.</param>
/// <param name="VmClockNs">How long the guest had been running, in nanoseconds.</param>
/// <param name="InstructionCount">The record/replay instruction count, -1 when there is none.</param>
/// <param name="GuestLength">Guest size in bytes at that time.</param>
public sealed record Qcow2Snapshot(
    string Id,
    string Name,
    long VmStateLength,
    DateTimeOffset TakenAt,
    ulong VmClockNs,
    long InstructionCount,
    long GuestLength)
{
    internal const int FixedLength = 40;

    /// <summary>Bytes of extra data that each entry of a version 3 image must have.</summary>
    internal const int RequiredExtraLength = 16;

    internal ulong L1Offset { get; init; }

    internal uint L1Count { get; init; }

    /// <summary>Bytes of extra data in the entry; what lies beyond the fields known here is not kept.</summary>
    internal int ExtraLength { get; init; }
}
