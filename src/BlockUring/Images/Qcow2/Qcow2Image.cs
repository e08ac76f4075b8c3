using System.Runtime.CompilerServices;
using BlockUring.Bitmaps;
using BlockUring.Images.Encryption;
using BlockUring.Native.Codecs;
using BlockUring.Native.Interop;
using BlockUring.Native.Memory;
using BlockUring.Storage;

namespace BlockUring.Images.Qcow2;

/// <summary>An open qcow2 image: maps guest offsets to clusters.</summary>
/// <remarks>Called on the thread that owns the image's I/O.</remarks>
public sealed class Qcow2Image : ImageFormat
{
    private readonly Qcow2Mapper mapper;
    private readonly bool ownsDataFile;
    private readonly RangeLock writerTurn = new();
    private bool knowsSparseness;
    private Qcow2Writer? writer;
    private BlockException? refusal;
    private Task marking = Task.CompletedTask;

    internal Qcow2Image(Qcow2Parts parts)
    {
        Header = parts.Header;
        Geometry = parts.Geometry;
        File = parts.File;
        DataFile = parts.DataFile ?? parts.File;
        ownsDataFile = parts.DataFile != null;
        RefcountCacheBytes = parts.Caches.RefcountBytes;
        Encryption = parts.Encryption;
        GuestFile = Encryption?.Behind(DataFile) ?? DataFile;
        OverlapChecks = parts.OverlapChecks;
        L1 = parts.L1;
        Snapshots = parts.Snapshots;
        Bitmaps = new Qcow2Bitmaps(this, parts.Bitmaps);
        Intents = new WriteIntents(this);
        L2Cache = new TableCache(parts.File, Geometry.SliceLength, parts.Caches.L2Bytes)
        {
            LoadStep = FileSteps.L2Load,
            UpdateSteps = [FileSteps.L2Update],
        };
        mapper = new Qcow2Mapper(File, GuestFile, Header, Geometry, L2Cache);
        CompressedClusters = new CompressedReader(File, Geometry, Header.Compression);
    }

    /// <inheritdoc/>
    public override string Name => "qcow2";

    /// <summary>The guest size: what the header says, down to a whole sector of 512 bytes.</summary>
    public override long Length => Header.GuestLength & ~511L;

    /// <inheritdoc/>
    public override int ClusterLength => Geometry.ClusterLength;

    /// <inheritdoc/>
    public override int AllocationGranularity => Geometry.SubclusterLength;

    /// <inheritdoc/>
    public override string? BackingFileName => Header.BackingFileName;

    /// <inheritdoc/>
    public override string? BackingFormat => Header.BackingFormat;

    /// <inheritdoc/>
    public override bool SupportsBacking => true;

    /// <inheritdoc/>
    public override bool HasZeroClusters => Header.Version >= 3 && !Header.HasRawDataFile;

    /// <inheritdoc/>
    public override CompressionType? Compression => Header.Compression;

    /// <inheritdoc/>
    public override long VmStateOffset => Geometry.L1CountFor(Length) << Geometry.L1Shift;

    /// <inheritdoc/>
    public override bool SupportsBitmaps => Header.Version >= 3;

    /// <summary>The internal snapshots, in the order of the table.</summary>
    public IReadOnlyList<Qcow2Snapshot> Snapshots { get; private set; }

    /// <summary>What `info` prints about the format.</summary>
    public Qcow2Info Info => Qcow2Info.Of(Header, Bitmaps.Stored);

    /// <summary>The header as it was read; replaced by whoever writes it.</summary>
    internal Qcow2Header Header { get; set; }

    internal Qcow2Geometry Geometry { get; private set; }

    /// <summary>The file with the metadata.</summary>
    internal BlockFile File { get; }

    /// <summary>The file with the guest data: <see cref="File"/>, or the external data file.</summary>
    internal BlockFile DataFile { get; }

    /// <summary><see cref="DataFile"/> behind its encryption, if it has any: what guest data is read from and written to.</summary>
    internal BlockFile GuestFile { get; }

    /// <summary>The encryption of guest data; null for none.</summary>
    internal Qcow2Encryption? Encryption { get; }

    /// <summary>Metadata that no write may overlap with.</summary>
    internal MetadataKinds OverlapChecks { get; }

    /// <summary>The L1 table in force.</summary>
    internal L1Table L1 { get; set; }

    /// <summary>L2 tables, in slices of <see cref="Qcow2Geometry.SliceLength"/>.</summary>
    internal TableCache L2Cache { get; }

    /// <summary>Bound of the cache of refcount blocks.</summary>
    internal long RefcountCacheBytes { get; }

    internal CompressedReader CompressedClusters { get; }

    internal Qcow2Bitmaps Bitmaps { get; }

    /// <summary>By which the bitmaps outlive a crash, where the image wants that.</summary>
    internal WriteIntents Intents { get; }

    /// <inheritdoc/>
    public override bool IsEncrypted => Encryption != null;

    /// <summary>See <see cref="ImageFormat.IsZeroWhenNew"/>: preallocated clusters hold what the file below holds, or noise.</summary>
    public override bool IsZeroWhenNew => (DataFile.CanGrow && !IsEncrypted) || L1.CountEmpty(0, L1.Count) == L1.Count;

    /// <inheritdoc/>
    public override ValueTask<Mapping> MapAsync(long guestOffset, long maxLength) =>
        Encryption is { CountsGuestSectors: true }
            ? Encryption.PlaceAsync(this, mapper.MapAsync(L1, guestOffset, maxLength), guestOffset)
            : knowsSparseness ? mapper.MapAsync(L1, guestOffset, maxLength) : DetectAndMapAsync(guestOffset, maxLength);

    /// <inheritdoc/>
    public override ValueTask ReadCompressedAsync(Mapping mapping, long guestOffset, IoMemory destination) =>
        writer is { HasUnsealed: true }
            ? SealAndReadAsync(mapping, guestOffset, destination)
            : CompressedClusters.ReadAsync((ulong)mapping.HostOffset, guestOffset, destination);

    /// <inheritdoc/>
    public override ValueTask<WriteReservation> ReserveAsync(long guestOffset, long maxLength) =>
        writer != null && Intents.Cover(guestOffset, maxLength)
            ? writer.ReserveAsync(guestOffset, maxLength)
            : OpenAndReserveAsync(guestOffset, maxLength);

    /// <inheritdoc/>
    [AsyncMethodBuilder(typeof(PooledTaskBuilder<>))]
    public override async ValueTask<long> ZeroAsync(long guestOffset, long length, bool mayUnmap) =>
        await (await WriterAsync(guestOffset, length)).ZeroAsync(guestOffset, length, mayUnmap);

    /// <inheritdoc/>
    [AsyncMethodBuilder(typeof(PooledTaskBuilder))]
    public override async ValueTask DiscardAsync(long guestOffset, long length) =>
        await new Qcow2Discard(this, await WriterAsync(guestOffset, length)).RunAsync(guestOffset, length);

    /// <inheritdoc/>
    public override async ValueTask ResizeAsync(long newLength, PreallocationMode preallocation, bool hidesBacking)
    {
        Qcow2Resize.DemandPossible(this, newLength, preallocation, hidesBacking);
        var found = await WriterAsync();
        await Intents.InvalidateAsync();
        await new Qcow2Resize(this, found).RunAsync(newLength, preallocation, hidesBacking);
    }

    /// <inheritdoc/>
    public override async ValueTask MakeEmptyAsync() => await new Qcow2Resize(this, await WriterAsync()).ClearAllAsync();

    /// <inheritdoc/>
    public override void DemandOptions(OptionTree options) => Qcow2OpenOptions.Take(options, Header, Geometry);

    /// <inheritdoc/>
    public override ValueTask AmendKeysAsync(LuksAmendment change) =>
        Encryption?.AmendAsync(change) ?? throw Qcow2Errors.Invalid("Can't amend encryption options - encryption not present");

    /// <inheritdoc/>
    public override async ValueTask SetBackingNameAsync(string? name, string? format)
    {
        // Why: a raw data file is all that the disk shows.
        if (name != null && Header.HasRawDataFile)
            throw new BlockException(BlockErrorKind.Invalid, $"Could not change backing file to '{name}': {Errno.Message(Errno.EINVAL)}", Errno.EINVAL);
        await new Qcow2BackingName(this, await WriterAsync()).SetAsync(name, format);
    }

    /// <inheritdoc/>
    public override ValueTask AmendAsync(AmendRequest request) => new Qcow2Amend(this, request).RunAsync();

    /// <inheritdoc/>
    [AsyncMethodBuilder(typeof(PooledTaskBuilder))]
    public override async ValueTask WriteCompressedAsync(long guestOffset, IoMemory compressed) =>
        await (await WriterAsync(guestOffset, ClusterLength)).WriteCompressedAsync(guestOffset, compressed);

    /// <inheritdoc/>
    public override async ValueTask BeginFillAsync() => await (await WriterAsync()).HideAsync();

    /// <inheritdoc/>
    public override ValueTask FlushAsync()
    {
        if (writer != null)
            return writer.FlushAsync();
        return File.IsReadOnly ? ValueTask.CompletedTask : File.FlushAsync();
    }

    /// <summary>
    /// From now on the guest disk is that of a snapshot, as `convert -l` wants it: its L1 table, with the size of the active disk (as in QEMU).
    /// Only for an image that is not being written.
    /// </summary>
    /// <param name="id">The snapshot's id, or null for any.</param>
    /// <param name="name">Its name, or null for any; at least one of the two is given.</param>
    /// <exception cref="BlockException">"Can't find snapshot", or its table is out of bounds.</exception>
    public override async ValueTask LoadSnapshotAsync(string? id, string? name)
    {
        var snapshot = new Qcow2Snapshots(this).Find(id, name)
            ?? throw MissingSnapshot();
        var offset = Qcow2HeaderParser.TableOffset(
            Geometry, snapshot.L1Offset, snapshot.L1Count, L1Table.EntryLength, Qcow2Limits.MaxL1Bytes, "Snapshot L1 table");
        L1 = await L1Table.ReadAsync(File, offset, (int)snapshot.L1Count);
    }

    /// <summary>As <see cref="LoadSnapshotAsync(string?, string?)"/>: the snapshot of that id, or else of that name.</summary>
    public ValueTask LoadSnapshotAsync(string idOrName) =>
        new Qcow2Snapshots(this).Find(idOrName, null) != null ? LoadSnapshotAsync(idOrName, null) : LoadSnapshotAsync(null, idOrName);

    /// <inheritdoc/>
    public override bool TakesNoWrites => refusal != null;

    /// <inheritdoc/>
    public override bool SupportsSnapshots => true;

    /// <inheritdoc/>
    public override bool CanHaveSnapshots => !Header.HasDataFile;

    /// <inheritdoc/>
    public override async ValueTask<SnapshotDescription> CreateSnapshotAsync(string name, DateTimeOffset now, long? instructionCount) =>
        Qcow2Description.Describe(await new Qcow2Snapshots(this).CreateAsync(name, now, instructionCount ?? -1));

    /// <inheritdoc/>
    public override async ValueTask DeleteSnapshotAsync(string? id, string? name)
    {
        var snapshots = new Qcow2Snapshots(this);
        await snapshots.DeleteAsync(snapshots.Find(id, name) ?? throw MissingSnapshot());
    }

    /// <inheritdoc/>
    public override async ValueTask ApplySnapshotAsync(string? id, string? name)
    {
        var snapshots = new Qcow2Snapshots(this);
        await Intents.InvalidateAsync();
        await snapshots.ApplyAsync(snapshots.Find(id, name) ?? throw MissingSnapshot());
    }

    /// <inheritdoc/>
    public override ImageDescription Describe() => Qcow2Description.Of(this);

    /// <inheritdoc/>
    public override long? MeasureBitmaps(int clusterLength) =>
        Header.Version < 3 ? null : Qcow2Measure.BitmapBytes(Bitmaps.Stored, Length, clusterLength);

    /// <inheritdoc/>
    public override ValueTask LoadBitmapsAsync(DirtyBitmapList bitmaps, bool isWritable) => Bitmaps.LoadAsync(bitmaps, isWritable);

    /// <inheritdoc/>
    public override async ValueTask PrepareBitmapChangeAsync(bool onlyClears = false)
    {
        if (Bitmaps.Stored.Count == 0)
            return;
        await (await WriterAsync()).PrepareAsync();
        if (!onlyClears)
            await Intents.InvalidateAsync();
    }

    /// <inheritdoc/>
    public override ValueTask KeepBitmapsThroughCrashesAsync() => Bitmaps.KeepThroughCrashesAsync();

    /// <inheritdoc/>
    public override ValueTask StoreBitmapsAsync(DirtyBitmapList bitmaps) => Bitmaps.StoreAsync(bitmaps);

    /// <inheritdoc/>
    public override ValueTask RemoveBitmapAsync(string name) => Bitmaps.RemoveAsync(name);

    /// <inheritdoc/>
    public override void DemandBitmapStorable(DirtyBitmapList bitmaps, string name, long granularity) =>
        Bitmaps.DemandStorable(bitmaps, name, granularity);

    /// <inheritdoc/>
    public override void DemandBitmapsResizable(DirtyBitmapList bitmaps, long newLength) => Bitmaps.DemandResizable(bitmaps, newLength);

    /// <inheritdoc/>
    public override async ValueTask<CheckResult?> CheckAsync(CheckRequest request)
    {
        var repairs = request.FixesLeaks || request.FixesErrors;
        using var checker = new Qcow2Checker(this, request, repairs ? RefcountMap.MaxRepairBytes : RefcountMap.DefaultMaxBytes);
        var result = await checker.RunAsync();
        if (repairs)
            await AdoptAsync(Header, await L1Table.ReadAsync(File, Header.L1Offset, Header.L1Count), checker.Snapshots);
        return result;
    }

    /// <summary>To be called when the file has grown or clusters were allocated: the next mapping looks anew whether clusters may be holes.</summary>
    internal void ForgetSparseness() => knowsSparseness = false;

    /// <inheritdoc/>
    protected override async ValueTask CloseAsync()
    {
        await marking;
        if (writer != null)
            await writer.DisposeAsync();
        L2Cache.Dispose();
        CompressedClusters.Dispose();
        Encryption?.Dispose();
        if (ownsDataFile)
            await DataFile.DisposeAsync();
    }

    /// <summary>Other tables are in force, in memory and in the file; nothing else runs, and nothing waits to be written.</summary>
    internal async ValueTask AdoptAsync(Qcow2Header header, L1Table l1, IReadOnlyList<Qcow2Snapshot> snapshots)
    {
        (Header, L1, Snapshots) = (header, l1, snapshots);
        if (header.RefcountOrder != Geometry.RefcountOrder)
            Geometry = new Qcow2Geometry(header.ClusterBits, header.HasSubclusters, header.RefcountOrder, Geometry.SliceLength);
        L2Cache.Clear();
        CompressedClusters.Forget();
        ForgetSparseness();
        var old = writer;
        writer = null;
        if (old != null)
            await old.DisposeAsync();
    }

    /// <summary>Metadata contradict themselves: the image is marked as corrupt, and no write is taken any more.</summary>
    internal void MarkCorrupt(BlockException reason, ImageCorruption corruption)
    {
        if (refusal != null)
            return;
        refusal = reason;
        writer?.Order.ForgetPreparation();
        CorruptionFound?.Invoke(corruption);
        if (Header.Version >= 3)
            marking = WriteMarkAsync(Header.Incompatible | IncompatibleFeatures.Corrupt);
    }

    /// <summary>Refuses a write where none is taken any more.</summary>
    /// <exception cref="BlockException">Why.</exception>
    internal void DemandWritable()
    {
        if (refusal != null)
        {
            throw new BlockException(
                BlockErrorKind.Io, $"'{File.Path}' cannot be written any more until it is opened again: {refusal.Message}", Errno.EIO, refusal);
        }
    }

    /// <summary>It is not known what the file holds: no write is taken any more.</summary>
    internal async ValueTask RefuseAsync(BlockException reason)
    {
        refusal = reason;
        var old = writer;
        writer = null;
        if (old != null)
            await old.DisposeAsync();
    }

    // Nobody waits for it but who closes the image; where it fails, the writes are refused all the same.
    private async Task WriteMarkAsync(IncompatibleFeatures marks)
    {
        try
        {
            Header = Header with { Incompatible = marks };
            await new Qcow2HeaderWriter(this).WriteAsync(Qcow2Header.IncompatibleOffset, (ulong)marks);
            await File.FlushAsync();
        }
        catch (BlockException)
        {
        }
    }

    private static BlockException MissingSnapshot() => new(BlockErrorKind.NotFound, "Can't find snapshot", Errno.ENOENT);

    private async ValueTask<WriteReservation> OpenAndReserveAsync(long guestOffset, long maxLength) =>
        await (await WriterAsync(guestOffset, maxLength)).ReserveAsync(guestOffset, maxLength);

    // The writer, when the range may be written.
    private async ValueTask<Qcow2Writer> WriterAsync(long guestOffset, long length)
    {
        var found = await WriterAsync();
        if (Intents.Cover(guestOffset, length))
            return found;
        await found.PrepareAsync();
        await Intents.DeclareAsync(guestOffset, length);
        return found;
    }

    private async ValueTask SealAndReadAsync(Mapping mapping, long guestOffset, IoMemory destination)
    {
        await writer!.SealAsync();
        await CompressedClusters.ReadAsync((ulong)mapping.HostOffset, guestOffset, destination);
    }

    internal async ValueTask<Qcow2Writer> WriterAsync()
    {
        if (writer != null)
            return writer;
        DemandWritable();
        var held = await writerTurn.AcquireAsync(0, 1);
        try
        {
            // Why here too: an image that was opened to be read may have become writable since.
            if (writer == null && Header.IsDirty)
                await DirtyImage.RepairAsync(this, _ => { });
            return writer ??= await Qcow2Writer.CreateAsync(this);
        }
        finally
        {
            writerTurn.Release(held);
        }
    }

    [AsyncMethodBuilder(typeof(PooledTaskBuilder<>))]
    private async ValueTask<Mapping> DetectAndMapAsync(long guestOffset, long maxLength)
    {
        // Why: below encryption a hole is noise.
        mapper.MayBeSparse = !IsEncrypted && await SparseDetector.DetectAsync(File, Header, Geometry);
        knowsSparseness = true;
        return await mapper.MapAsync(L1, guestOffset, maxLength);
    }

    /// <summary>What guest data is read from and written to at a place where its guest offset matters to its encryption.</summary>
    internal BlockFile GuestFileAt(long guestOffset, long hostOffset) => Encryption?.BehindAt(this, guestOffset, hostOffset) ?? GuestFile;
}
