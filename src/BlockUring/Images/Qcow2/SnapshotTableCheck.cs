using System.Buffers.Binary;
using BlockUring.Storage;

namespace BlockUring.Images.Qcow2;

/// <summary>Checks the snapshot table of an image, and repairs it: at first as far as the other checks need it, at last the table itself.</summary>
/// <param name="image">Not written to meanwhile.</param>
/// <param name="request">What is wanted.</param>
/// <param name="findings">Receives the lines, but not the counts: QEMU adds them to the others at the end.</param>
internal sealed class SnapshotTableCheck(Qcow2Image image, CheckRequest request, CheckFindings findings)
{
    private const int PointerLength = 12;

    private readonly BlockFile file = image.File;
    private uint count;

    /// <summary>Problems of the table.</summary>
    public long Corruptions { get; private set; }

    /// <summary>Those that were repaired.</summary>
    public long CorruptionsFixed { get; private set; }

    /// <summary>Where the table is.</summary>
    public ulong Offset { get; private set; }

    /// <summary>What it holds.</summary>
    public SnapshotTableContent Content { get; private set; } = SnapshotTableContent.None;

    /// <summary>Reads the table. Entries that are beyond the limits go, when errors are to be fixed.</summary>
    /// <exception cref="BlockException">It cannot be read, or is beyond the limits; why has been said.</exception>
    public async ValueTask ReadAsync()
    {
        // Opening for a check leaves the snapshots alone, so that a broken table is a finding.
        using (var buffer = file.Buffers.Rent(PointerLength))
        {
            await file.ReadAsync(Qcow2Header.SnapshotCountOffset, buffer.Memory);
            count = BinaryPrimitives.ReadUInt32BigEndian(buffer.Span);
            Offset = BinaryPrimitives.ReadUInt64BigEndian(buffer.Span[4..]);
        }

        var stored = count;
        if (request.FixesErrors && count > Qcow2Limits.MaxSnapshots)
        {
            findings.Report($"Discarding {count - Qcow2Limits.MaxSnapshots} overhanging snapshots");
            count = Qcow2Limits.MaxSnapshots;
        }

        DemandPlace();
        if (count > 0)
            await ReadEntriesAsync();
        await CutAsync(stored);
        for (var i = 0; i < Content.Snapshots.Count && image.Header.Version >= 3; i++)
        {
            if (Content.Snapshots[i].ExtraLength >= Qcow2Snapshot.RequiredExtraLength)
                continue;
            findings.Report($"{(request.FixesErrors ? "Repairing" : "ERROR")} snapshot table entry {i} is incomplete");
            Corruptions++;
        }
    }

    /// <summary>Writes the table anew, where entries are wrong and errors are to be fixed. By then the refcounts are right.</summary>
    /// <exception cref="BlockException">It cannot be written; the old one is in force.</exception>
    public async ValueTask FixAsync()
    {
        if (Corruptions == 0 || !request.FixesErrors)
            return;
        try
        {
            await RewriteAsync();
        }
        catch (BlockException e)
        {
            findings.Report($"ERROR failed to update snapshot table: {Native.Interop.Errno.Message(e.ErrorNumber)}");
            throw;
        }

        CorruptionsFixed += Corruptions;
        Corruptions = 0;
    }

    private void DemandPlace()
    {
        if (count > Qcow2Limits.MaxSnapshots)
        {
            request.Complain(
                "ERROR snapshot table too large\n" +
                $"You can force-remove all {count - Qcow2Limits.MaxSnapshots} overhanging snapshots with qemu-img check -r all");
            throw Qcow2Errors.Limit("snapshot table too large");
        }

        var lastOffset = (ulong)(long.MaxValue - ((long)count * Qcow2Snapshot.FixedLength));
        if (Offset > lastOffset || image.Geometry.OffsetInCluster((long)Offset) != 0)
        {
            request.Complain("ERROR snapshot table offset invalid");
            throw Qcow2Errors.Invalid("snapshot table offset invalid");
        }
    }

    private async ValueTask ReadEntriesAsync()
    {
        try
        {
            Content = await SnapshotTable.ReadAsync(
                file, (long)Offset, (int)count, image.Header.GuestLength & ~511L, request.FixesErrors ? Drop : null);
        }
        catch (BlockException e)
        {
            request.Complain("ERROR failed to read the snapshot table: " + e.Message);
            throw;
        }

        if (Content.Snapshots.Count < count)
            findings.Report($"Discarding {count - Content.Snapshots.Count} overhanging snapshots (snapshot table is too big)");
        count = (uint)Content.Snapshots.Count;
    }

    private void Drop(int index, uint extraLength)
    {
        findings.Report(
            $"Discarding too much extra metadata in snapshot table entry {index} ({extraLength} > {Qcow2Limits.MaxSnapshotExtraBytes})");
        Corruptions++;
    }

    // Why now: the snapshots that are left out are leaks from here on, which are counted next.
    private async ValueTask CutAsync(uint stored)
    {
        if (count == stored)
            return;
        await new Qcow2HeaderWriter(image).WriteAsync(Qcow2Header.SnapshotCountOffset, count);
        await file.FlushAsync();
        CorruptionsFixed += stored - count;
    }

    private async ValueTask RewriteAsync()
    {
        await using var writer = await Qcow2Writer.CreateAsync(image);
        var entries = await SnapshotTable.ReadRepairedAsync(file, (long)Offset, Content.Snapshots);
        Offset = (ulong)await SnapshotTableRewrite.RunAsync(image, writer.Order, entries, (long)Offset, Content.Length);
        Content = await SnapshotTable.ReadAsync(file, (long)Offset, entries.Count, image.Header.GuestLength & ~511L);
    }
}
