using BlockUring.Bitmaps;
using BlockUring.Jobs;
using BlockUring.Jobs.Backup;
using BlockUring.Simulation.Images.Qcow2;
using Xunit;

namespace BlockUring.Simulation.Jobs.Backup;

/// <summary>One backup: what is asked for, what the disk held at its instant, what was told of it, and the judgement of its target.</summary>
internal sealed class BackupRun(BackupRequest request, DiskModel disk, string targetPath, string targetFormat, byte[] targetBefore)
{
    private DiskContent instant = null!;
    private long lastOffset;

    public BackupJob? Job { get; set; }

    public string Id => request.Settings.Id;

    public BackupRequest Request => request;

    public bool HasSucceeded { get; private set; }

    public bool HasConcluded { get; private set; }

    /// <summary>Writes that had ended at the instant.</summary>
    public int InstantCount { get; private set; }

    /// <summary>The bits at the instant; null where there is no bitmap.</summary>
    public DirtyBitmap? Bits { get; private set; }

    private int ClusterLength { get; set; }

    /// <summary>Whether the target must hold what it should once it is told so, even if the power goes then.</summary>
    public bool IsDurable => request.OnTargetError != JobErrorPolicy.Ignore;

    /// <summary>The filter is in; nobody writes just now.</summary>
    public void BeginInstant(int clusterLength)
    {
        instant = disk.Capture();
        InstantCount = disk.EndedCount;
        ClusterLength = clusterLength;
        if (request.Bitmap is not { } bitmap)
            return;
        Bits = bitmap.Clone(null);
        for (long at = 0; at < disk.Length; at += bitmap.Granularity)
        {
            var end = Math.Min(disk.Length, at + bitmap.Granularity);
            Assert.True(Bits.Get(at) || !Any(disk.Surely, at, end), $"{Id}: a write at {at} is missing in the bitmap");
            Assert.True(!Bits.Get(at) || Any(disk.Perhaps, at, end), $"{Id}: nobody wrote what the bitmap says at {at}");
        }

        disk.ForgetWritten();
    }

    public void Take(JobEvent happened)
    {
        switch (happened)
        {
            case JobEvent.Completed completed:
                HasSucceeded = completed.Error == null;
                Assert.True(completed.Offset <= completed.Length);
                if (HasSucceeded)
                    Assert.Equal(completed.Length, completed.Offset);
                break;
            case JobEvent.IoError error:
                var policy = error.IsRead ? request.OnSourceError : request.OnTargetError;
                Assert.True(policy != JobErrorPolicy.Ignore || error.Action == JobErrorAction.Ignore);
                Assert.True(policy != JobErrorPolicy.Report || error.Action == JobErrorAction.Report);
                break;
            case JobEvent.StatusChange { Status: JobStatus.Null }:
                HasConcluded = true;
                break;
        }

        if (Job == null)
            return;
        Assert.True(Job.Progress.Current >= lastOffset);
        lastOffset = Job.Progress.Current;
    }

    /// <summary>Compares the target with what it must hold after success.</summary>
    public void JudgeTarget(TestImages images, bool[] topAtStart)
    {
        if (targetFormat == "qcow2")
            Assert.Empty(ImageCheck.Of(images.Files[targetPath]).Errors);
        var actual = images.Read(targetPath, targetFormat);
        for (long at = 0; at < disk.Length; at += ClusterLength)
        {
            var end = Math.Min(disk.Length, at + ClusterLength);
            var bytes = actual.AsSpan((int)at, (int)(end - at));
            var isCopy = instant.FirstDifference(at, bytes) is var difference && difference < 0;
            var isUntouched = bytes.SequenceEqual(targetBefore.AsSpan((int)at, bytes.Length));
            var what = $"{Id}, {request.Sync}, cluster at {at} of {ClusterLength}";
            switch (Wanted(at, end, topAtStart))
            {
                case true:
                    Assert.True(isCopy, $"{what}: byte {difference} is not what it was at the instant");
                    break;
                case false:
                    Assert.True(isUntouched, $"{what}: was not to be touched");
                    break;
                default:
                    Assert.True(isCopy || isUntouched, $"{what}: neither copied nor untouched");
                    break;
            }
        }
    }

    /// <summary>Judges the bitmap after the end; later writes are in the model, too.</summary>
    public void JudgeBitmap(DirtyBitmap bitmap, TestImages images)
    {
        Assert.False(bitmap.IsBusy || bitmap.HasSuccessor || !bitmap.IsEnabled);
        var startsAnew = request.BitmapMode != BitmapMode.Never && (HasSucceeded || request.BitmapMode == BitmapMode.Always);
        var actual = images.Read(targetPath, targetFormat);
        for (long at = 0; at < disk.Length; at += bitmap.Granularity)
        {
            var end = Math.Min(disk.Length, at + bitmap.Granularity);
            var (isDirty, wasDirty) = (bitmap.Get(at), Bits!.Get(at));
            var what = $"{Id}, {request.Sync}, {request.BitmapMode}, {(HasSucceeded ? "success" : "failure")}, chunk at {at}";
            Assert.True(isDirty || !Any(disk.Surely, at, end), $"{what}: a write is missing");
            if (!startsAnew)
                Assert.True(isDirty || !wasDirty, $"{what}: a bit was lost");
            var mayBeDirty = Any(disk.Perhaps, at, end) || (!startsAnew && wasDirty) || (startsAnew && !HasSucceeded && WasWanted(at, end));
            Assert.True(!isDirty || mayBeDirty, $"{what}: nobody wrote that");
            if (startsAnew && !HasSucceeded && wasDirty && !isDirty)
                Assert.True(instant.Holds(at, actual.AsSpan((int)at, (int)(end - at))), $"{what}: it was not copied, and is forgotten");
        }
    }

    public override string ToString() =>
        $"{Id}: {request.Sync} to {targetFormat}, {request.BitmapMode}, policies {request.OnSourceError}/{request.OnTargetError}, " +
        $"workers {request.MaxWorkers}, chunk {request.MaxChunk}, {(request.Compress ? "compressed" : "plain")}";

    // Null: either is right.
    private bool? Wanted(long start, long end, bool[] topAtStart)
    {
        switch (request.Sync)
        {
            case BackupSync.Full:
                return true;
            case BackupSync.Top:
                // Why not where something was discarded or made zero: the layer may have let go of it.
                if (Any(topAtStart, start, end))
                    return Any(instant.Unknown, start, end) || IsZero(start, end) ? null : true;
                return InstantCount == 0 ? false : null;
            case BackupSync.None:
                return null;
            default:
                return Bits!.NextDirty(start, end) >= 0;
        }
    }

    private bool WasWanted(long start, long end)
    {
        if (request.Sync is BackupSync.Full or BackupSync.Top)
            return true;
        return Bits!.NextDirty(start & -ClusterLength, Math.Min(disk.Length, (end + ClusterLength - 1) & -ClusterLength)) >= 0;
    }

    private bool IsZero(long start, long end) => !instant.Bytes.AsSpan((int)start, (int)(end - start)).ContainsAnyExcept((byte)0);

    private static bool Any(bool[] flags, long start, long end) => flags.AsSpan((int)start, (int)(end - start)).Contains(true);
}
