using BlockUring.Images;

namespace BlockUring.Qmp.Commands.Nodes;

/// <summary>A snapshot inside an image ("SnapshotInfo").</summary>
internal sealed record SnapshotResult(
    string Id, string Name, long VmStateSize, long DateSec, long DateNsec, long VmClockSec, long VmClockNsec, long? Icount)
{
    private const long Second = 1_000_000_000;

    public static SnapshotResult Of(SnapshotDescription snapshot)
    {
        var taken = snapshot.Taken - DateTimeOffset.UnixEpoch;
        return new(
            snapshot.Id,
            snapshot.Name,
            snapshot.VmStateBytes,
            (long)taken.TotalSeconds,
            taken.Ticks % TimeSpan.TicksPerSecond * TimeSpan.NanosecondsPerTick,
            snapshot.VmClockNanoseconds / Second,
            snapshot.VmClockNanoseconds % Second,
            snapshot.InstructionCount);
    }
}
