using System.Runtime.CompilerServices;
using BlockUring.Bitmaps;
using BlockUring.Images;
using BlockUring.Native.Uring;
using BlockUring.Storage;

namespace BlockUring.Copy;

/// <summary>
/// Makes a target equal to a disk that is being written, and keeps it so: a bitmap says what the target lacks, which is copied in the background
/// (<see cref="CopyNextAsync"/>), and every write of the disk enters itself there (<see cref="NoteWritten"/>) unless it goes to both sides
/// (<see cref="MirrorWriter"/>).
/// </summary>
/// <remarks>
/// One thread only. A chunk is clean from the moment at which its copying begins: whatever writes it while it is being read makes it dirty again.
/// Who writes a range of the target holds it, so two never do at once.
/// </remarks>
public sealed class MirrorCopy : IDisposable
{
    private readonly GuestDisk source;
    private readonly MirrorCopySettings settings;
    private readonly RangeCopier copier;
    private readonly DirtyBitmap? whole;
    private readonly int maxPiece;
    private long inFlightBytes;
    private long writingBytes;

    /// <summary>Prepares a copy in which nothing is dirty yet.</summary>
    /// <param name="scheduler">The thread of both disks.</param>
    /// <param name="source">Read.</param>
    /// <param name="target">Written; at least as long as the source.</param>
    /// <param name="settings">How.</param>
    public MirrorCopy(Scheduler scheduler, GuestDisk source, GuestDisk target, MirrorCopySettings settings)
    {
        this.source = source;
        this.settings = settings;
        Target = target;
        Length = source.Length;
        Dirty = new DirtyBitmap(null, Length, settings.Granularity);
        maxPiece = Math.Max(settings.MaxChunk, Math.Max(settings.Granularity, settings.WholeCluster));
        if (settings.WholeCluster > 0)
            whole = new DirtyBitmap(null, Length, settings.WholeCluster);
        copier = new RangeCopier(scheduler, source, target, new RangeCopySettings
        {
            ClusterLength = Math.Min(settings.Granularity, Math.Min(settings.MaxChunk, 64 << 10)),
            MaxChunk = settings.MaxChunk,
            StoresZeroes = settings.StoresZeroes,
        });
    }

    /// <summary>Bytes of the disk that are mirrored: all that it had at the start.</summary>
    public long Length { get; }

    /// <summary>What the target lacks, save what is on its way to it.</summary>
    public DirtyBitmap Dirty { get; }

    /// <summary>Told when some bytes are done, or more are to be.</summary>
    public Action? Changed { get; set; }

    /// <summary>Bytes that have reached the target.</summary>
    public long DoneBytes { get; private set; }

    /// <summary>Bytes that the target lacks, those on their way to it included.</summary>
    public long RemainingBytes
    {
        get
        {
            // The last chunk may go beyond the disk.
            var excess = -Length & (settings.Granularity - 1);
            return inFlightBytes + (excess > 0 && Dirty.Get(Length - 1) ? Dirty.Count - excess : Dirty.Count);
        }
    }

    /// <summary>Whether the target lacks nothing, and nothing is on its way to it.</summary>
    public bool IsInSync => inFlightBytes == 0 && Dirty.IsAllClean;

    /// <summary>As <see cref="IsInSync"/>, but for writes that reach both sides before they end.</summary>
    public bool IsCaughtUp => inFlightBytes == writingBytes && Dirty.IsAllClean;

    /// <summary>Whether changes of the disk are of no interest any more.</summary>
    public bool IsStopped { get; private set; }

    /// <summary>The longest piece that is copied at a time, in bytes.</summary>
    public int MaxPiece => maxPiece;

    internal GuestDisk Source => source;

    internal GuestDisk Target { get; }

    internal RangeLock InFlight { get; } = new();

    /// <summary>Writes of the disk that will make nothing dirty, since they see to the target themselves.</summary>
    internal List<(long Offset, long Length)> Expected { get; } = [];

    /// <summary>How zeroes of the guest are stored in the target.</summary>
    internal WriteFlags ZeroFlags(WriteFlags flags) => settings.StoresZeroes ? flags & ~WriteFlags.MayUnmap : flags;

    /// <summary>A range of the disk has been written.</summary>
    public void NoteWritten(long offset, long length)
    {
        if (!IsStopped && !Expected.Remove((offset, length)))
            MarkDirty(offset, length);
    }

    /// <summary>The target lacks a range, as far as that is inside the disk.</summary>
    public void MarkDirty(long offset, long length)
    {
        length = Math.Min(length, Length - offset);
        if (IsStopped || length <= 0)
            return;
        Dirty.Set(offset, length);
        Changed?.Invoke();
    }

    /// <summary>From now on the target stays as it is. Nobody may be writing the disk.</summary>
    public void Stop() => IsStopped = true;

    /// <summary>Bytes of the piece that would be copied next from <paramref name="cursor"/> on; 0 when nothing is dirty there.</summary>
    public long PeekNext(CopyCursor cursor) => TryFind(cursor.Offset, out _, out var length) ? length : 0;

    /// <summary>Copies the next dirty piece from <paramref name="cursor"/> on, which is moved behind it at once; none is no error.</summary>
    /// <exception cref="CopyFailureException">It could not be copied, and is dirty still.</exception>
    public ValueTask CopyNextAsync(CopyCursor cursor)
    {
        if (!TryFind(cursor.Offset, out var offset, out var length))
            return ValueTask.CompletedTask;
        cursor.Offset = offset + length;
        return CopyDirtyAsync(offset, offset + length, maxPiece);
    }

    /// <summary>Copies a range, dirty or not.</summary>
    /// <param name="offset">A multiple of the granularity.</param>
    /// <param name="length">A multiple too, or up to the end of the disk.</param>
    /// <exception cref="CopyFailureException">It could not be copied, and is dirty.</exception>
    public ValueTask CopyAsync(long offset, long length)
    {
        Dirty.Set(offset, length);
        return CopyDirtyAsync(offset, offset + length, long.MaxValue);
    }

    /// <summary>Waits until nothing is on its way to the target.</summary>
    [AsyncMethodBuilder(typeof(PooledTaskBuilder))]
    public async ValueTask WaitUntilQuietAsync() => InFlight.Release(await InFlight.AcquireAsync(0, long.MaxValue));

    /// <summary>Frees buffers; nothing may be in flight.</summary>
    public void Dispose() => copier.Dispose();

    /// <summary>Whether part of the range may be written to the target now: the clusters around it are whole there, or will be by that.</summary>
    internal bool CanWritePart(long offset, long length)
    {
        if (whole == null)
            return true;
        var (start, end) = (Down(offset, settings.WholeCluster), Up(offset + length, settings.WholeCluster));
        return whole.NextClean(start, end) < 0;
    }

    /// <summary>A write to both sides begins: the chunks that it covers need no other copy. The caller holds its range.</summary>
    internal void BeginWrite(long offset, long length)
    {
        inFlightBytes += length;
        writingBytes += length;
        var (start, end) = WholeChunks(offset, length);
        if (start < end)
            Dirty.Reset(start, end - start);
    }

    /// <summary>A write to both sides has ended.</summary>
    internal void EndWrite(long offset, long length, bool hasReachedTarget)
    {
        inFlightBytes -= length;
        writingBytes -= length;
        if (hasReachedTarget)
            DoneBytes += length;
        else
            MarkDirty(offset, length);
        Changed?.Invoke();
    }

    /// <summary>The chunks that lie in a range with all their bytes.</summary>
    internal (long Start, long End) WholeChunks(long offset, long length)
    {
        var end = Math.Min(Length, offset + length);
        return (Up(offset, settings.Granularity), end == Length ? end : Down(end, settings.Granularity));
    }

    /// <summary>Copies some chunks, whose range the caller holds.</summary>
    [AsyncMethodBuilder(typeof(PooledTaskBuilder))]
    internal async ValueTask CopyHeldAsync(long offset, long length)
    {
        // Why before anything is read: what is written from now on is seen by this copy, or makes the chunk dirty again, or both.
        Dirty.Reset(offset, length);
        inFlightBytes += length;
        var isCopied = false;
        try
        {
            if (settings.BeforeTargetWrite != null)
                await ProtectAsync(offset, length);
            await copier.CopyAsync(offset, length);
            NoteWhole(offset, offset + length);
            DoneBytes += length;
            isCopied = true;
        }
        finally
        {
            inFlightBytes -= length;
            if (!isCopied)
                Dirty.Set(offset, length);
            Changed?.Invoke();
        }
    }

    private static long Down(long offset, long unit) => offset & -unit;

    private static long Up(long offset, long unit) => (offset + unit - 1) & -unit;

    [AsyncMethodBuilder(typeof(PooledTaskBuilder))]
    private async ValueTask CopyDirtyAsync(long start, long end, long max)
    {
        (start, end) = (Widen(start, up: false), Widen(end, up: true));
        var held = await InFlight.AcquireAsync(start, end);
        try
        {
            if (whole != null)
                CompleteClusters(start, end);
            while (Dirty.NextDirtyArea(start, end, max, out var at, out var run))
            {
                await CopyHeldAsync(at, run);
                start = at + run;
            }
        }
        finally
        {
            InFlight.Release(held);
        }
    }

    // Pieces end on multiples of their greatest length, so that the target's requests are large and aligned.
    private bool TryFind(long cursor, out long offset, out long length)
    {
        if (!Dirty.NextDirtyArea(cursor, Length, maxPiece, out offset, out length))
            return false;
        length = Math.Min(length, maxPiece - (offset & (maxPiece - 1)));
        return true;
    }

    private long Widen(long offset, bool up)
    {
        if (whole == null)
            return offset;
        return up ? Math.Min(Length, Up(offset, settings.WholeCluster)) : Down(offset, settings.WholeCluster);
    }

    // What is dirty of a cluster that the target does not have yet takes the rest of the cluster along.
    private void CompleteClusters(long start, long end)
    {
        var cluster = (long)settings.WholeCluster;
        for (var at = Dirty.NextDirty(start, end); at >= 0; at = Dirty.NextDirty(at, end))
        {
            at = Down(at, cluster);
            var next = Math.Min(Length, at + cluster);
            if (!whole!.Get(at))
                Dirty.Set(at, next - at);
            at = next;
        }
    }

    private void NoteWhole(long start, long end)
    {
        if (whole == null)
            return;
        start = Up(start, settings.WholeCluster);
        end = end >= Length ? Length : Down(end, settings.WholeCluster);
        if (start < end)
            whole.Set(start, end - start);
    }

    [AsyncMethodBuilder(typeof(PooledTaskBuilder))]
    private async ValueTask ProtectAsync(long offset, long length)
    {
        try
        {
            await settings.BeforeTargetWrite!(offset, length);
        }
        catch (BlockException e)
        {
            throw new CopyFailureException(false, e);
        }
    }
}
