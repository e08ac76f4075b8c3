using System.Globalization;
using System.Text;
using BlockUring.Native.Interop;
using BlockUring.Storage;

namespace BlockUring.Images.Qcow2;

/// <summary>The internal snapshots of an open image: making, deleting and going back to them (specification: "Snapshots").</summary>
/// <remarks>Nothing else runs on the image meanwhile, no read either.</remarks>
internal readonly struct Qcow2Snapshots(Qcow2Image image)
{
    /// <summary>The longest name in bytes, as in QEMU; what is longer is cut.</summary>
    public const int MaxNameBytes = 255;

    /// <summary>Finds a snapshot; both must fit where both are given.</summary>
    public Qcow2Snapshot? Find(string? id, string? name) =>
        id == null && name == null ? null : image.Snapshots.FirstOrDefault(s => (id == null || s.Id == id) && (name == null || s.Name == name));

    /// <summary>Makes a snapshot of the disk as it is.</summary>
    public async ValueTask<Qcow2Snapshot> CreateAsync(string name, DateTimeOffset now, long instructionCount)
    {
        DemandNoDataFile();
        if (image.Snapshots.Count >= Qcow2Limits.MaxSnapshots)
            throw new BlockException(BlockErrorKind.Limit, $"'{image.File.Path}' has {Qcow2Limits.MaxSnapshots} snapshots already", Errno.EFBIG);
        var order = await BeginAsync();
        var snapshot = new Qcow2Snapshot(NextId(), Cut(name), 0, now, 0, instructionCount, image.Length)
        {
            L1Offset = (ulong)image.Header.L1Offset,
            L1Count = (uint)image.Header.L1Count,
            ExtraLength = SnapshotTable.KnownExtraLength,
        };
        var entries = await SnapshotTable.ReadEntriesAsync(image.File, image.Header);
        entries.Add(SnapshotTable.Serialize(snapshot));
        await RunAsync(order, image.L1, image.Header.GuestLength, [], entries, [.. image.Snapshots, snapshot]);
        return snapshot;
    }

    /// <summary>Deletes a snapshot.</summary>
    public async ValueTask DeleteAsync(Qcow2Snapshot snapshot)
    {
        DemandNoDataFile();
        var l1 = await ReadL1Async(snapshot);
        var order = await BeginAsync();
        var index = image.Snapshots.ToList().IndexOf(snapshot);
        var entries = await SnapshotTable.ReadEntriesAsync(image.File, image.Header);
        entries.RemoveAt(index);
        await RunAsync(order, image.L1, image.Header.GuestLength, [l1, image.L1], entries, [.. image.Snapshots.Where(s => s != snapshot)]);
    }

    /// <summary>Makes the disk what it was when a snapshot was taken, in its length too.</summary>
    public async ValueTask ApplyAsync(Qcow2Snapshot snapshot)
    {
        DemandNoDataFile();
        var l1 = await ReadL1Async(snapshot);
        var length = image.Header.Version < 3 ? image.Header.GuestLength : snapshot.GuestLength;
        if (length < 0 || image.Geometry.L1CountFor(length) > Qcow2Limits.MaxL1Bytes / L1Table.EntryLength)
            throw Qcow2Errors.Invalid("The snapshot's disk size is invalid");
        var order = await BeginAsync();
        var entries = await SnapshotTable.ReadEntriesAsync(image.File, image.Header);
        await RunAsync(order, l1, length, [image.L1], entries, image.Snapshots);
    }

    private static string Cut(string name)
    {
        while (Encoding.UTF8.GetByteCount(name) > MaxNameBytes)
            name = name[..^1];
        return name;
    }

    private async ValueTask<MetadataOrder> BeginAsync()
    {
        var writer = await image.WriterAsync();
        await writer.PrepareAsync();
        await writer.Order.WriteOutAsync(isComplete: false);
        return writer.Order;
    }

    private async ValueTask RunAsync(
        MetadataOrder order,
        L1Table source,
        long length,
        IReadOnlyList<L1Table> dropped,
        List<byte[]> entries,
        IReadOnlyList<Qcow2Snapshot> snapshots)
    {
        var table = entries.SelectMany(e => e).ToArray();
        if (table.Length > Qcow2Limits.MaxSnapshotTableBytes)
            throw new BlockException(BlockErrorKind.Limit, "Snapshot table is too big", Errno.EFBIG);
        var change = new SnapshotChange(image, order);
        try
        {
            var (header, l1) = await change.RunAsync(source, length, dropped, table, entries.Count);
            await image.AdoptAsync(header, l1, snapshots);
        }
        catch (BlockException e) when (change.IsUndecided)
        {
            await image.RefuseAsync(e);
            throw;
        }
        catch (BlockException)
        {
            await TryReleaseAsync(order);
            throw;
        }
    }

    private static async ValueTask TryReleaseAsync(MetadataOrder order)
    {
        try
        {
            await order.CutAsync();
        }
        catch (BlockException)
        {
            // What was taken in vain stays to be freed by the next flush.
        }
    }

    private void DemandNoDataFile()
    {
        if (image.Header.HasDataFile)
        {
            throw new BlockException(
                BlockErrorKind.Unsupported, "Internal snapshots are not possible with an external data file", Errno.EOPNOTSUPP);
        }
    }

    private string NextId()
    {
        ulong last = 0;
        foreach (var snapshot in image.Snapshots)
        {
            if (ulong.TryParse(snapshot.Id, NumberStyles.None, CultureInfo.InvariantCulture, out var id) && id > last)
                last = id;
        }

        return (last + 1).ToString(CultureInfo.InvariantCulture);
    }

    private ValueTask<L1Table> ReadL1Async(Qcow2Snapshot snapshot)
    {
        var offset = Qcow2HeaderParser.TableOffset(
            image.Geometry, snapshot.L1Offset, snapshot.L1Count, L1Table.EntryLength, Qcow2Limits.MaxL1Bytes, "Snapshot L1 table");
        return L1Table.ReadAsync(image.File, offset, (int)snapshot.L1Count);
    }
}
