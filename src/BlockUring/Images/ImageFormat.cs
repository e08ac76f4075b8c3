using BlockUring.Bitmaps;
using BlockUring.Images.Encryption;
using BlockUring.Native.Codecs;
using BlockUring.Native.Memory;
using BlockUring.Storage;

namespace BlockUring.Images;

/// <summary>
/// A format driver bound to one open image. It <em>maps and reserves; it never moves guest data</em>: <c>Image</c> is the only data path.
/// </summary>
/// <remarks>Called on the thread that owns the image's I/O. Guest offsets and lengths are bytes.</remarks>
public abstract class ImageFormat : IAsyncDisposable
{
    /// <summary>The driver's name, as qemu-img prints it: "raw", "qcow2".</summary>
    public abstract string Name { get; }

    /// <summary>The size that the guest sees, in bytes.</summary>
    public abstract long Length { get; }

    /// <summary>The unit of allocation in bytes, a power of two; 0 for a format without one.</summary>
    public virtual int ClusterLength => 0;

    /// <summary>The smallest run that can be zero or data on its own: the cluster, or the subcluster; 1 for a format without clusters.</summary>
    public virtual int AllocationGranularity => Math.Max(1, ClusterLength);

    /// <summary>The file name of the backing file as the image's header has it, null when there is none.</summary>
    public virtual string? BackingFileName => null;

    /// <summary>The format of the backing file as the image's header has it, null when it does not say.</summary>
    public virtual string? BackingFormat => null;

    /// <summary>Whether the image has an open backing image. Set by whoever puts the two together.</summary>
    public bool HasBackingImage { get; internal set; }

    /// <summary>Whether an unallocated run shows the backing file (true) or zeroes for certain (false: raw).</summary>
    public virtual bool SupportsBacking => false;

    /// <summary>Whether guest data is encrypted in the file: no place in the file holds what the guest sees.</summary>
    public virtual bool IsEncrypted => false;

    /// <summary>Whether a cluster can be said to read as zeroes without taking space for them.</summary>
    public virtual bool HasZeroClusters => false;

    /// <summary>How compressed clusters are packed, null for a format without any.</summary>
    public virtual CompressionType? Compression => null;

    /// <summary>Where a virtual machine's state would begin, behind the guest disk, in bytes; 0 where there is no room for any.</summary>
    public virtual long VmStateOffset => 0;

    /// <summary>Whether the format can store dirty bitmaps.</summary>
    public virtual bool SupportsBitmaps => false;

    /// <summary>
    /// Whether an image that was just made, and not written to, reads as zeroes, apart from what its backing file shows: false where old content
    /// of a device may shine through.
    /// </summary>
    public virtual bool IsZeroWhenNew => false;

    /// <summary>
    /// Where the run that starts at <paramref name="guestOffset"/> is. Adjacent runs that are contiguous on the host are merged.
    /// </summary>
    /// <param name="guestOffset">0 to <see cref="Length"/> - 1.</param>
    /// <param name="maxLength">1 or more, not beyond <see cref="Length"/>; the mapping is not longer.</param>
    /// <exception cref="BlockException">Metadata cannot be read or is corrupt.</exception>
    public abstract ValueTask<Mapping> MapAsync(long guestOffset, long maxLength);

    /// <summary>Reads part of a compressed cluster.</summary>
    /// <param name="mapping">What <see cref="MapAsync"/> said for <paramref name="guestOffset"/>.</param>
    /// <param name="guestOffset">The first guest byte wanted.</param>
    /// <param name="destination">Receives the bytes; not beyond the mapping's end.</param>
    public virtual ValueTask ReadCompressedAsync(Mapping mapping, long guestOffset, IoMemory destination) =>
        throw new NotSupportedException($"{Name} has no compressed clusters");

    /// <summary>Whether a write to the range needs no metadata at all, and where it goes then. Never waits.</summary>
    /// <param name="guestOffset">First guest byte.</param>
    /// <param name="length">Bytes.</param>
    /// <param name="target">The file to write to.</param>
    /// <param name="hostOffset">Where in it.</param>
    public virtual bool TryMapForOverwrite(long guestOffset, long length, out BlockFile target, out long hostOffset)
    {
        target = null!;
        hostOffset = -1;
        return false;
    }

    /// <summary>
    /// Reserves host space for a write of guest data: the first step of reserve, write, publish. Nothing a reader sees changes until
    /// <see cref="WriteReservation.PublishAsync"/>.
    /// </summary>
    /// <param name="guestOffset">First guest byte to write.</param>
    /// <param name="maxLength">Bytes wanted; the reservation may be shorter (1 or more), contiguous on the host.</param>
    public virtual ValueTask<WriteReservation> ReserveAsync(long guestOffset, long maxLength) => throw ReadOnlyFormat();

    /// <summary>Writes one whole cluster (the last one of the image may be short) that the caller has compressed.</summary>
    /// <param name="guestOffset">Cluster-aligned guest offset.</param>
    /// <param name="compressed">The compressed bytes, fewer than a cluster. Borrowed until the task ends.</param>
    public virtual ValueTask WriteCompressedAsync(long guestOffset, IoMemory compressed) => throw ReadOnlyFormat();

    /// <summary>Makes a range read as zeroes by metadata alone, as far as that goes.</summary>
    /// <returns>How many bytes from <paramref name="guestOffset"/> on were handled; 0 means the caller writes zeroes up to the next cluster.</returns>
    public virtual ValueTask<long> ZeroAsync(long guestOffset, long length, bool mayUnmap) => new(0);

    /// <summary>
    /// Whether what the guest discards, or zeroes and allows to be unmapped, is discarded in the file below too: QEMU's discard=unmap. Set by whoever
    /// opened the image; off at first.
    /// </summary>
    public bool PassesDiscards { get; set; }

    /// <summary>
    /// The guest no longer needs a range: what lies on whole clusters of it is given back, and reads as zeroes where the format can say so. Other
    /// writes to those clusters do not run meanwhile.
    /// </summary>
    public virtual ValueTask DiscardAsync(long guestOffset, long length) => ValueTask.CompletedTask;

    /// <summary>
    /// Changes the guest size, durably. No write runs meanwhile. What is added reads as zeroes, but for the rest of the last cluster, which is the
    /// caller's to zero before.
    /// </summary>
    /// <param name="newLength">Bytes, not the current <see cref="Length"/>.</param>
    /// <param name="preallocation">How the added part is reserved.</param>
    /// <param name="hidesBacking">Whether the backing image reaches into the added part, and must not be seen there.</param>
    /// <exception cref="BlockException">Why not; the size is what it was then, though what lies behind a smaller size may be gone.</exception>
    public virtual ValueTask ResizeAsync(long newLength, PreallocationMode preallocation, bool hidesBacking) => throw new BlockException(
        BlockErrorKind.Unsupported, "Image format driver does not support resize");

    /// <summary>Lets go of all guest data, durably, so that the backing file shows everywhere. No request is in flight.</summary>
    /// <exception cref="BlockException">Why not; a format that cannot at all says <see cref="BlockErrorKind.Unsupported"/>.</exception>
    public virtual ValueTask MakeEmptyAsync() => throw new BlockException(
        BlockErrorKind.Unsupported, "Image format driver does not support emptying an image");

    /// <summary>Refuses options of opening that are wrong, for an image that is open already; they change nothing.</summary>
    /// <param name="options">Those of the format are taken out.</param>
    /// <exception cref="BlockException">What is wrong.</exception>
    public virtual void DemandOptions(OptionTree options)
    {
    }

    /// <summary>Changes with which passwords the image opens, durably.</summary>
    /// <exception cref="BlockException">Why not.</exception>
    public virtual ValueTask AmendKeysAsync(LuksAmendment change) => throw new BlockException(
        BlockErrorKind.Unsupported, $"Format driver '{Name}' does not support option amendment", Native.Interop.Errno.ENOTSUP);

    /// <summary>Changes the name and the format of the backing file in the image's header, durably. No write runs meanwhile.</summary>
    /// <param name="name">As it is to be written; null for no backing file.</param>
    /// <param name="format">The backing file's format; null when it is to be guessed.</param>
    /// <exception cref="BlockException">Why not; the old name is still there.</exception>
    public virtual ValueTask SetBackingNameAsync(string? name, string? format) => throw new BlockException(
        BlockErrorKind.Unsupported, $"Could not change backing file to '{name}': Operation not supported");

    /// <summary>Changes options of the image, durably. Nothing else runs on it. Version and features may be others afterwards.</summary>
    /// <param name="request">What to change; <see cref="ImageDriver.AmendOptions"/> lists what can be.</param>
    /// <exception cref="BlockException">Why not; what was changed before stays changed.</exception>
    public virtual ValueTask AmendAsync(AmendRequest request) => throw new BlockException(
        BlockErrorKind.Unsupported, $"Format driver '{Name}' does not support option amendment");

    /// <summary>
    /// The image is about to be filled for the first time: until the next <see cref="FlushAsync"/> it is made unrecognisable where the format
    /// can, so that a copy that dies half-way does not look whole, and nothing is ordered for crashes.
    /// </summary>
    public virtual ValueTask BeginFillAsync() => ValueTask.CompletedTask;

    /// <summary>Writes all metadata in the order that keeps the image sound, and flushes the files.</summary>
    public abstract ValueTask FlushAsync();

    /// <summary>What `info` shows of this format. Reads nothing from the file: opening has read it.</summary>
    public virtual ImageDescription Describe() => new();

    /// <summary>Adds the dirty bitmaps that the image holds to a list that is empty.</summary>
    /// <param name="bitmaps">Those of the node.</param>
    /// <param name="isWritable">Whether they may be changed, and <see cref="StoreBitmapsAsync"/> will be called.</param>
    /// <exception cref="BlockException">One cannot be loaded; the list is empty.</exception>
    public virtual ValueTask LoadBitmapsAsync(DirtyBitmapList bitmaps, bool isWritable) => ValueTask.CompletedTask;

    /// <summary>
    /// To be awaited before a persistent bitmap is changed otherwise than by a write to the image: from now on those in the image count as not saved.
    /// </summary>
    /// <param name="onlyClears">The change makes chunks clean and nothing else.</param>
    public virtual ValueTask PrepareBitmapChangeAsync(bool onlyClears = false) => ValueTask.CompletedTask;

    /// <summary>From now on persistent bitmaps outlive a crash, with more dirty chunks than were written. Durable.</summary>
    /// <exception cref="BlockException">The image cannot say so.</exception>
    public virtual ValueTask KeepBitmapsThroughCrashesAsync() =>
        throw new BlockException(BlockErrorKind.Unsupported, $"Bitmaps in an image of format {Name} cannot outlive a crash");

    /// <summary>Stores the persistent bitmaps of a list, durably. No write runs meanwhile.</summary>
    /// <exception cref="BlockException">Why not; those in the image count as not saved then.</exception>
    public virtual ValueTask StoreBitmapsAsync(DirtyBitmapList bitmaps) => ValueTask.CompletedTask;

    /// <summary>Takes a bitmap out of the image, durably; none of that name is no error.</summary>
    public virtual ValueTask RemoveBitmapAsync(string name) => ValueTask.CompletedTask;

    /// <summary>Refuses a new persistent bitmap that could not be stored.</summary>
    /// <param name="bitmaps">All there are.</param>
    /// <param name="name">Its name.</param>
    /// <param name="granularity">See <see cref="DirtyBitmap.IsGranularity"/>.</param>
    /// <exception cref="BlockException">Why.</exception>
    public virtual void DemandBitmapStorable(DirtyBitmapList bitmaps, string name, long granularity) =>
        throw new BlockException(BlockErrorKind.Unsupported, "Operation not supported", Native.Interop.Errno.ENOTSUP);

    /// <summary>Refuses another length of the disk where persistent bitmaps could not follow.</summary>
    /// <exception cref="BlockException">Why.</exception>
    public virtual void DemandBitmapsResizable(DirtyBitmapList bitmaps, long newLength)
    {
    }

    /// <summary>Bytes that the image's persistent bitmaps would take in a qcow2 file of that cluster size; null when it cannot have any.</summary>
    public virtual long? MeasureBitmaps(int clusterLength) => null;

    /// <summary>Makes the image show an internal snapshot instead of its current content; only on one opened read-only.</summary>
    /// <param name="id">The snapshot's identifier, null when it is looked up by name alone.</param>
    /// <param name="name">Its name, null when it is looked up by identifier alone.</param>
    /// <exception cref="BlockException">There is none (<see cref="BlockErrorKind.NotFound"/>), or the format has no snapshots.</exception>
    public virtual ValueTask LoadSnapshotAsync(string? id, string? name) => throw new BlockException(
        BlockErrorKind.Unsupported,
        $"Block format '{Name}' used by device '' does not support temporarily loading internal snapshots");

    /// <summary>Whether the format has internal snapshots.</summary>
    public virtual bool SupportsSnapshots => false;

    /// <summary>Whether this image can have some: an external data file is in the way.</summary>
    public virtual bool CanHaveSnapshots => SupportsSnapshots;

    /// <summary>Makes an internal snapshot of the disk as it is, durably. Nothing else runs on the image.</summary>
    /// <param name="name">Its name; more than one may have it.</param>
    /// <param name="now">The time that it gets.</param>
    /// <param name="instructionCount">The guest's instruction count that it gets, null for none.</param>
    /// <exception cref="BlockException">Why not; the image is as it was.</exception>
    public virtual ValueTask<SnapshotDescription> CreateSnapshotAsync(string name, DateTimeOffset now, long? instructionCount) =>
        throw new BlockException(BlockErrorKind.Unsupported, "Operation not supported", Native.Interop.Errno.EOPNOTSUPP);

    /// <summary>Deletes an internal snapshot, durably. Nothing else runs on the image.</summary>
    /// <param name="id">Its identifier, null when it is looked up by name alone.</param>
    /// <param name="name">Its name, null when it is looked up by identifier alone.</param>
    /// <exception cref="BlockException">There is none, or why not; the image is as it was.</exception>
    public virtual ValueTask DeleteSnapshotAsync(string? id, string? name) =>
        throw new BlockException(BlockErrorKind.Unsupported, "Block driver does not support snapshots", Native.Interop.Errno.EOPNOTSUPP);

    /// <summary>Makes the disk what it was when a snapshot was taken, in its length too, durably. Nothing else runs on the image.</summary>
    /// <param name="id">As for <see cref="DeleteSnapshotAsync"/>.</param>
    /// <param name="name">As for <see cref="DeleteSnapshotAsync"/>.</param>
    /// <exception cref="BlockException">There is none, or why not; the image is as it was.</exception>
    public virtual ValueTask ApplySnapshotAsync(string? id, string? name) =>
        throw new BlockException(BlockErrorKind.Unsupported, "Block driver does not support snapshots", Native.Interop.Errno.EOPNOTSUPP);

    /// <summary>Is told when a write is refused because metadata contradict themselves. Set by whoever opened the image.</summary>
    public Action<ImageCorruption>? CorruptionFound { get; set; }

    /// <summary>Whether nothing is written any more until the image is opened again: then closing it has nothing to flush.</summary>
    public virtual bool TakesNoWrites => false;

    /// <summary>Checks the metadata for corruption and leaks, and repairs on request.</summary>
    /// <returns>What was found, or null when the format has nothing to check.</returns>
    /// <exception cref="BlockException">The check could not be carried out.</exception>
    public virtual ValueTask<CheckResult?> CheckAsync(CheckRequest request) => new((CheckResult?)null);

    /// <summary>Releases tables and the format's own files (an external data file), not the file it was opened on. Writes nothing.</summary>
    public ValueTask DisposeAsync()
    {
        GC.SuppressFinalize(this);
        return CloseAsync();
    }

    /// <summary>Releases what the format owns; see <see cref="DisposeAsync"/>.</summary>
    protected virtual ValueTask CloseAsync() => ValueTask.CompletedTask;

    private BlockException ReadOnlyFormat() => new(BlockErrorKind.Unsupported, $"Writing is not supported by the {Name} format here");
}
