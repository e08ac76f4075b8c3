using BlockUring.Copy;
using BlockUring.Native.Interop;
using BlockUring.Simulation;
using BlockUring.Storage;
using Xunit;

namespace BlockUring.Tests.Copy;

/// <summary>One copy of one instant: what is copied how, and who waits for whom.</summary>
public sealed class SnapshotCopyTests
{
    private const int Cluster = 65536;

    private readonly SimulatedScheduler scheduler = new(1);
    private LayeredDisk source = null!;
    private LayeredDisk target = null!;

    [Fact]
    public void A_cluster_that_is_only_partly_zero_is_data()
    {
        using var copy = Make(4 * Cluster);
        source.SetStatus(Cluster - 512, (2 * Cluster) + 512, isZero: true, isAllocated: true);
        CopyAll(copy);
        Assert.Equal([$"write 0+{Cluster}", $"zero {Cluster}+{Cluster}", $"write {2 * Cluster}+{Cluster}", $"write {3 * Cluster}+{Cluster}"], target.Log);
        Assert.Equal((4 * Cluster, 0), (copy.DoneBytes, copy.RemainingBytes));
    }

    [Fact]
    public void A_cluster_of_several_runs_of_zeroes_is_zero()
    {
        using var copy = Make(Cluster);
        source.SetStatus(0, 512, isZero: true, isAllocated: true);
        source.SetStatus(512, Cluster, isZero: true, isAllocated: false);
        CopyAll(copy);
        Assert.Equal([$"zero 0+{Cluster}"], target.Log);
        Assert.Empty(source.Log);
    }

    [Fact]
    public void Zeroes_that_the_target_has_already_are_not_written()
    {
        using var copy = Make(2 * Cluster);
        source.SetStatus(0, 2 * Cluster, isZero: true, isAllocated: true);
        target.SetStatus(0, Cluster, isZero: true, isAllocated: false);
        CopyAll(copy);
        Assert.Equal([$"zero {Cluster}+{Cluster}"], target.Log);
    }

    [Fact]
    public void Zeroes_are_written_where_a_backing_file_may_show_through()
    {
        using var copy = Make(2 * Cluster, hasBacking: true);
        source.SetStatus(0, 2 * Cluster, isZero: true, isAllocated: true);
        target.SetStatus(0, 2 * Cluster, isZero: true, isAllocated: false);
        CopyAll(copy);
        Assert.Equal([$"zero 0+{2 * Cluster}"], target.Log);
    }

    [Fact]
    public void Of_the_top_layer_only_clusters_are_copied_that_it_holds_some_of()
    {
        using var copy = Make(3 * Cluster, s => s with { TopOnly = true });
        source.SetStatus(0, Cluster, isZero: false, isAllocated: false);
        source.SetStatus(Cluster, Cluster + 512, isZero: false, isAllocated: true);
        source.SetStatus(Cluster + 512, 3 * Cluster, isZero: false, isAllocated: false);
        CopyAll(copy);
        Assert.Equal([$"write {Cluster}+{Cluster}"], target.Log);
        Assert.Equal((Cluster, 0), (copy.DoneBytes, copy.RemainingBytes));
    }

    [Fact]
    public void The_last_cluster_may_be_short()
    {
        using var copy = Make(Cluster + 512);
        Assert.Equal(Cluster + 512, copy.RemainingBytes);
        CopyAll(copy);
        Assert.Equal((Cluster + 512, 0), (copy.DoneBytes, copy.RemainingBytes));
        Assert.Equal(source.Content, target.Content);
    }

    [Fact]
    public void What_the_source_cannot_let_go_of_is_copied_all_the_same()
    {
        using var copy = Make(Cluster, s => s with { DiscardsSource = true });
        source.FailsDiscards = new BlockException(BlockErrorKind.Io, "no");
        CopyAll(copy);
        Assert.Equal([$"read 0+{Cluster}", $"discard 0+{Cluster}"], source.Log);
        Assert.Equal(0, copy.RemainingBytes);
    }

    [Fact]
    public void What_could_not_be_copied_is_pending_still()
    {
        using var copy = Make(2 * Cluster);
        target.FailsWrites = new BlockException(BlockErrorKind.Io, "no");
        var failure = Assert.Throws<CopyFailureException>(() => scheduler.Run(() => copy.SaveAsync(100, 1).AsTask()));
        Assert.False(failure.IsRead);
        Assert.Equal((0, 2 * Cluster), (copy.DoneBytes, copy.RemainingBytes));
        Assert.False(copy.IsSettled(0, 1));
        target.FailsWrites = null;
        CopyAll(copy);
        Assert.Equal(source.Content, target.Content);
    }

    [Fact]
    public void A_save_does_not_leave_behind_what_others_are_about_to_copy()
    {
        using var copy = Make(2 * Cluster, s => s with { MaxChunk = Cluster });
        source.HoldsReads = true;
        var saved = copy.SaveAsync(0, 2 * Cluster).AsTask();
        var cursor = new CopyCursor { Offset = Cluster };
        var copied = copy.CopyNextAsync(cursor).AsTask();
        source.ReleaseOne();
        Assert.False(saved.IsCompleted);
        source.ReleaseOne();
        scheduler.Settle();
        Assert.True(saved.IsCompletedSuccessfully && copied.IsCompletedSuccessfully);
        Assert.Equal([$"read 0+{Cluster}", $"read {Cluster}+{Cluster}"], source.Log);
        Assert.Equal(source.Content, target.Content);
    }

    [Fact]
    public void A_writer_is_not_settled_while_its_cluster_is_read_and_waits_for_the_reader()
    {
        using var copy = Make(2 * Cluster);
        source.HoldsReads = true;
        using var buffer = scheduler.Buffers.Rent(512);
        var read = copy.ReadAsync(Cluster - 256, buffer.Memory).AsTask();
        var saved = copy.SaveAsync(0, 1).AsTask();
        Assert.False(copy.IsSettled(0, 1));
        Assert.Single(source.Log);
        source.HoldsReads = false;
        source.ReleaseOne();
        scheduler.Settle();
        Assert.True(read.IsCompletedSuccessfully && saved.IsCompletedSuccessfully);
        Assert.Equal(source.Content.AsSpan(Cluster - 256, 512), buffer.Span);
    }

    [Fact]
    public void The_status_of_what_is_being_copied_is_that_of_its_content()
    {
        using var copy = Make(Cluster);
        target.SetStatus(0, Cluster, isZero: true, isAllocated: false);
        source.HoldsReads = true;
        var copied = copy.CopyNextAsync(new CopyCursor()).AsTask();
        var status = copy.GetStatusAsync(0, Cluster).AsTask();
        Assert.False(status.IsCompleted);
        source.ReleaseOne();
        scheduler.Settle();
        Assert.True(copied.IsCompletedSuccessfully && status.IsCompletedSuccessfully);
    }

    [Fact]
    public void What_was_forgotten_is_not_copied_and_cannot_be_read()
    {
        using var copy = Make(3 * Cluster);
        scheduler.Run(() => copy.ForgetAsync(512, 2 * Cluster).AsTask());
        Assert.False(copy.IsSettled(0, 1));
        Assert.True(copy.IsSettled(Cluster, Cluster));
        using var buffer = scheduler.Buffers.Rent(512);
        var failure = Assert.Throws<BlockException>(() => scheduler.Run(() => copy.ReadAsync(Cluster, buffer.Memory).AsTask()));
        Assert.Equal(Errno.EACCES, failure.ErrorNumber);
        Assert.Equal(Errno.EACCES, Assert.Throws<BlockException>(() => scheduler.Run(() => copy.GetStatusAsync(Cluster, 1).AsTask())).ErrorNumber);
        scheduler.Run(() => copy.ReadAsync(0, buffer.Memory).AsTask());
    }

    private SnapshotCopy Make(int length, Func<SnapshotCopySettings, SnapshotCopySettings>? with = null, bool hasBacking = false)
    {
        var bytes = new byte[length];
        new Random(1).NextBytes(bytes);
        source = new LayeredDisk(scheduler.Buffers, bytes, new LayeredDisk(scheduler.Buffers, new byte[length]));
        target = new LayeredDisk(scheduler.Buffers, new byte[length], hasBacking ? new LayeredDisk(scheduler.Buffers, new byte[length]) : null);
        var settings = new SnapshotCopySettings { ClusterLength = Cluster };
        var copy = new SnapshotCopy(scheduler, source, target, with?.Invoke(settings) ?? settings);
        copy.Pending.SetAll();
        return copy;
    }

    private void CopyAll(SnapshotCopy copy) => scheduler.Run(async () =>
    {
        var cursor = new CopyCursor();
        while (copy.PeekNext(cursor) > 0)
            await copy.CopyNextAsync(cursor);
    });
}
