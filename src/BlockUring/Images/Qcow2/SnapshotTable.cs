using System.Buffers.Binary;
using System.Text;
using BlockUring.Native.Interop;
using BlockUring.Storage;

namespace BlockUring.Images.Qcow2;

/// <summary>
/// Reads and writes the snapshot table (specification: "Snapshots"). An entry, at a multiple of 8:
/// <code>
///  0  8  L1 table offset            24  8  guest run time, ns
///  8  4  L1 entries                 32  4  VM state size
/// 12  2  length of the id           36  4  length of the extra data
/// 14  2  length of the name         40  …  extra data: 8 VM state size, 8 guest size, 8 instruction count, …
/// 16  4  date, seconds               …  …  id, name
/// 20  4  date, nanoseconds
/// </code>
/// </summary>
internal static class SnapshotTable
{
    /// <summary>Bytes of extra data that are written.</summary>
    public const int KnownExtraLength = 24;

    private const int WindowLength = 64 << 10;
    private const int MaxEntryLength = Qcow2Snapshot.FixedLength + Qcow2Limits.MaxSnapshotExtraBytes + (2 * ushort.MaxValue);

    /// <summary>Reads all entries.</summary>
    /// <exception cref="BlockException">The table or an entry is too big, with QEMU's message.</exception>
    public static async ValueTask<IReadOnlyList<Qcow2Snapshot>> ReadAsync(BlockFile file, Qcow2Header header) =>
        header.SnapshotCount == 0
            ? []
            : (await ReadAsync(file, header.SnapshotTableOffset, header.SnapshotCount, header.GuestLength & ~511L)).Snapshots;

    /// <summary>Reads all entries of a table.</summary>
    /// <param name="file">The image file.</param>
    /// <param name="start">Host offset of the table.</param>
    /// <param name="count">Entries, 1 or more.</param>
    /// <param name="guestLength">The guest size for entries that do not have one.</param>
    /// <exception cref="BlockException">The table or an entry is too big, with QEMU's message.</exception>
    public static ValueTask<SnapshotTableContent> ReadAsync(BlockFile file, long start, int count, long guestLength) =>
        ReadAsync(file, start, count, guestLength, null);

    /// <summary>As <see cref="ReadAsync(BlockFile, long, int, long)"/>, of a table that is to be repaired: what is too much is left out.</summary>
    /// <param name="file">The image file.</param>
    /// <param name="start">Host offset of the table.</param>
    /// <param name="count">Entries, 1 or more.</param>
    /// <param name="guestLength">The guest size for entries that do not have one.</param>
    /// <param name="dropped">Is told of an entry with too much extra data, and of how much.</param>
    /// <returns>Perhaps fewer entries than there are.</returns>
    public static async ValueTask<SnapshotTableContent> ReadAsync(
        BlockFile file, long start, int count, long guestLength, Action<int, uint>? dropped)
    {
        var snapshots = new List<Qcow2Snapshot>();
        using var window = new ReadWindow(file, WindowLength);
        using var name = file.Buffers.Rent(2 * ushort.MaxValue);
        var at = start;
        var namesKept = 0;
        var tableLength = 0L;
        for (var i = 0; i < count; i++)
        {
            if (at > Qcow2Limits.MaxFileLength - MaxEntryLength)
                throw new BlockException(BlockErrorKind.Io, $"Failed to read snapshot table: {Errno.Message(Errno.EIO)}", Errno.EIO);
            var previousEnd = at;
            at = (at + 7) & ~7L;
            var fixedPart = await window.GetAsync(at, Qcow2Snapshot.FixedLength + KnownExtraLength);
            var (snapshot, idLength, nameLength) = ParseFixed(fixedPart.Span, guestLength);
            if (snapshot.ExtraLength > Qcow2Limits.MaxSnapshotExtraBytes && dropped != null)
            {
                dropped(i, BinaryPrimitives.ReadUInt32BigEndian(fixedPart.Span[36..]));
            }
            else if (snapshot.ExtraLength > Qcow2Limits.MaxSnapshotExtraBytes)
            {
                throw Qcow2Errors.Limit(
                    $"Too much extra metadata in snapshot table entry {i}\nYou can force-remove this extra metadata with qemu-img check -r all");
            }

            at += Qcow2Snapshot.FixedLength + snapshot.ExtraLength;
            var text = name.Memory.Slice(0, idLength + nameLength);
            await window.CopyAsync(at, text);
            at += text.Length;
            namesKept += text.Length;
            tableLength = ((tableLength + 7) & ~7L) + Qcow2Snapshot.FixedLength
                + Math.Min(snapshot.ExtraLength, Qcow2Limits.MaxSnapshotExtraBytes) + text.Length;
            if (dropped != null && (tableLength > Qcow2Limits.MaxSnapshotTableBytes || at - start > int.MaxValue))
                return new(snapshots, previousEnd - start);
            if (tableLength > Qcow2Limits.MaxSnapshotTableBytes || namesKept > Qcow2Limits.MaxNameBytesKept)
            {
                throw Qcow2Errors.Limit(
                    $"Snapshot table is too big\nYou can force-remove all {count - i} overhanging snapshots with qemu-img check -r all");
            }

            snapshots.Add(snapshot with { Id = Text(text.Span[..idLength]), Name = Text(text.Span[idLength..]) });
        }

        return new(snapshots, at - start);
    }

    /// <summary>Reads the bytes of all entries, each with its padding, as they are: what is unknown here stays in them.</summary>
    public static async ValueTask<List<byte[]>> ReadEntriesAsync(BlockFile file, Qcow2Header header)
    {
        var entries = new List<byte[]>();
        if (header.SnapshotCount == 0)
            return entries;
        using var window = new ReadWindow(file, WindowLength);
        var at = header.SnapshotTableOffset;
        for (var i = 0; i < header.SnapshotCount; i++)
        {
            var head = await window.GetAsync(at, Qcow2Snapshot.FixedLength);
            var extra = (long)BinaryPrimitives.ReadUInt32BigEndian(head.Span[36..]);
            var length = Qcow2Snapshot.FixedLength + Math.Min(extra, Qcow2Limits.MaxSnapshotExtraBytes)
                + BinaryPrimitives.ReadUInt16BigEndian(head.Span[12..]) + BinaryPrimitives.ReadUInt16BigEndian(head.Span[14..]);
            using var bytes = file.Buffers.Rent((int)length);
            await window.CopyAsync(at, bytes.Memory.Slice(0, (int)length));
            var entry = new byte[(length + 7) & ~7L];
            bytes.Span[..(int)length].CopyTo(entry);
            entries.Add(entry);
            at += entry.Length;
        }

        return entries;
    }

    /// <summary>
    /// Reads the bytes of all entries, each with its padding, with the extra data that this program writes, and no more than there may be of it.
    /// </summary>
    /// <param name="file">The image file.</param>
    /// <param name="start">Host offset of the table.</param>
    /// <param name="snapshots">What <see cref="ReadAsync(BlockFile, long, int, long, Action{int, uint})"/> has read from it.</param>
    public static async ValueTask<List<byte[]>> ReadRepairedAsync(BlockFile file, long start, IReadOnlyList<Qcow2Snapshot> snapshots)
    {
        var entries = new List<byte[]>();
        using var window = new ReadWindow(file, WindowLength);
        using var buffer = file.Buffers.Rent(MaxEntryLength);
        var at = start;
        foreach (var snapshot in snapshots)
        {
            at = (at + 7) & ~7L;
            var head = await window.GetAsync(at, Qcow2Snapshot.FixedLength);
            var extra = (long)BinaryPrimitives.ReadUInt32BigEndian(head.Span[36..]);
            var names = BinaryPrimitives.ReadUInt16BigEndian(head.Span[12..]) + BinaryPrimitives.ReadUInt16BigEndian(head.Span[14..]);
            var kept = (int)Math.Clamp(extra, KnownExtraLength, Qcow2Limits.MaxSnapshotExtraBytes);
            var entry = new byte[(Qcow2Snapshot.FixedLength + kept + names + 7) & ~7];
            var present = Qcow2Snapshot.FixedLength + (int)Math.Min(extra, kept);
            await window.CopyAsync(at, buffer.Memory.Slice(0, present));
            buffer.Span[..present].CopyTo(entry);
            await window.CopyAsync(at + Qcow2Snapshot.FixedLength + extra, buffer.Memory.Slice(0, names));
            buffer.Span[..names].CopyTo(entry.AsSpan(Qcow2Snapshot.FixedLength + kept));
            BinaryPrimitives.WriteInt32BigEndian(entry.AsSpan(36), kept);
            BinaryPrimitives.WriteInt64BigEndian(entry.AsSpan(40), snapshot.VmStateLength);
            BinaryPrimitives.WriteInt64BigEndian(entry.AsSpan(48), snapshot.GuestLength);
            BinaryPrimitives.WriteInt64BigEndian(entry.AsSpan(56), snapshot.InstructionCount);
            entries.Add(entry);
            at += Qcow2Snapshot.FixedLength + extra + names;
        }

        return entries;
    }

    /// <summary>An entry with its padding.</summary>
    public static byte[] Serialize(Qcow2Snapshot snapshot)
    {
        var (id, name) = (Encoding.UTF8.GetBytes(snapshot.Id), Encoding.UTF8.GetBytes(snapshot.Name));
        var bytes = new byte[(Qcow2Snapshot.FixedLength + KnownExtraLength + id.Length + name.Length + 7) & ~7];
        var entry = bytes.AsSpan();
        BinaryPrimitives.WriteUInt64BigEndian(entry, snapshot.L1Offset);
        BinaryPrimitives.WriteUInt32BigEndian(entry[8..], snapshot.L1Count);
        BinaryPrimitives.WriteUInt16BigEndian(entry[12..], (ushort)id.Length);
        BinaryPrimitives.WriteUInt16BigEndian(entry[14..], (ushort)name.Length);
        BinaryPrimitives.WriteUInt32BigEndian(entry[16..], (uint)snapshot.TakenAt.ToUnixTimeSeconds());
        BinaryPrimitives.WriteUInt32BigEndian(entry[20..], (uint)(snapshot.TakenAt.UtcTicks % TimeSpan.TicksPerSecond * 100));
        BinaryPrimitives.WriteUInt64BigEndian(entry[24..], snapshot.VmClockNs);
        BinaryPrimitives.WriteUInt32BigEndian(entry[32..], (uint)Math.Min(snapshot.VmStateLength, uint.MaxValue));
        BinaryPrimitives.WriteUInt32BigEndian(entry[36..], KnownExtraLength);
        BinaryPrimitives.WriteInt64BigEndian(entry[40..], snapshot.VmStateLength);
        BinaryPrimitives.WriteInt64BigEndian(entry[48..], snapshot.GuestLength);
        BinaryPrimitives.WriteInt64BigEndian(entry[56..], snapshot.InstructionCount);
        id.CopyTo(entry[(Qcow2Snapshot.FixedLength + KnownExtraLength)..]);
        name.CopyTo(entry[(Qcow2Snapshot.FixedLength + KnownExtraLength + id.Length)..]);
        return bytes;
    }

    private static (Qcow2Snapshot Snapshot, int IdLength, int NameLength) ParseFixed(ReadOnlySpan<byte> entry, long guestLength)
    {
        var extraLength = BinaryPrimitives.ReadUInt32BigEndian(entry[36..]);
        var extra = entry[Qcow2Snapshot.FixedLength..];
        long vmState = BinaryPrimitives.ReadUInt32BigEndian(entry[32..]);
        if (extraLength >= 8)
            vmState = BinaryPrimitives.ReadInt64BigEndian(extra);
        if (extraLength >= 16)
            guestLength = BinaryPrimitives.ReadInt64BigEndian(extra[8..]);
        var instructions = extraLength >= KnownExtraLength ? BinaryPrimitives.ReadInt64BigEndian(extra[16..]) : -1;
        var takenAt = DateTimeOffset.FromUnixTimeSeconds(BinaryPrimitives.ReadUInt32BigEndian(entry[16..]))
            .AddTicks(BinaryPrimitives.ReadUInt32BigEndian(entry[20..]) / 100);
        var clock = BinaryPrimitives.ReadUInt64BigEndian(entry[24..]);
        var snapshot = new Qcow2Snapshot("", "", vmState, takenAt, clock, instructions, guestLength)
        {
            L1Offset = BinaryPrimitives.ReadUInt64BigEndian(entry),
            L1Count = BinaryPrimitives.ReadUInt32BigEndian(entry[8..]),
            ExtraLength = (int)Math.Min(extraLength, int.MaxValue / 2),
        };
        return (snapshot, BinaryPrimitives.ReadUInt16BigEndian(entry[12..]), BinaryPrimitives.ReadUInt16BigEndian(entry[14..]));
    }

    private static string Text(ReadOnlySpan<byte> bytes)
    {
        var end = bytes.IndexOf((byte)0);
        return Encoding.UTF8.GetString(end < 0 ? bytes : bytes[..end]);
    }
}
