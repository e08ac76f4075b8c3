using BlockUring.Native.Interop;
using BlockUring.Storage;

namespace BlockUring.Images.Qcow2;

/// <summary>
/// Looks before each write whether it would overwrite metadata of another kind, which happens where refcounts or tables are wrong: then the write
/// is refused, and the image marked as corrupt and not written any more.
/// </summary>
/// <remarks>
/// A bit for each cluster that has ever held metadata answers nearly always: one lookup for 64 clusters. Where one is set, the tables say what is
/// there now, in QEMU's order; where that is nothing, the bit goes. Most writes go to data clusters, so this costs no more than the lookup.
/// </remarks>
internal sealed class MetadataGuard
{
    private const int WordBits = 6;

    // Why: an image with so many tables has 512 TiB, or is hostile; tables beyond are not looked for.
    private const int MaxWords = 1 << 20;

    // In the order in which QEMU looks, with its names.
    private static readonly (MetadataKinds Kind, string Name)[] Names =
    [
        (MetadataKinds.MainHeader, "qcow2_header"),
        (MetadataKinds.ActiveL1, "active L1 table"),
        (MetadataKinds.RefcountTable, "refcount table"),
        (MetadataKinds.SnapshotTable, "snapshot table"),
        (MetadataKinds.InactiveL1, "inactive L1 table"),
        (MetadataKinds.ActiveL2, "active L2 table"),
        (MetadataKinds.RefcountBlock, "refcount block"),
        (MetadataKinds.InactiveL2, "inactive L2 table"),
        (MetadataKinds.BitmapDirectory, "bitmap directory"),
    ];

    private readonly Qcow2Image image;
    private readonly Qcow2Geometry geometry;
    private readonly RefcountTable refcounts;
    private readonly MetadataKinds kinds;
    private readonly Dictionary<long, ulong> words = [];
    private readonly HashSet<long> inactiveL2 = [];
    private long snapshotTableLength;

    private MetadataGuard(Qcow2Image image, RefcountTable refcounts)
    {
        this.image = image;
        this.refcounts = refcounts;
        geometry = image.Geometry;
        kinds = image.OverlapChecks;
    }

    /// <summary>Makes the guard of an image; its tables are those in memory.</summary>
    public static async ValueTask<MetadataGuard> CreateAsync(Qcow2Image image, RefcountTable refcounts)
    {
        var guard = new MetadataGuard(image, refcounts);
        if (guard.kinds == MetadataKinds.None)
            return guard;
        if (image.Header.SnapshotCount > 0 && guard.Checks(MetadataKinds.SnapshotTable))
            guard.snapshotTableLength = (await SnapshotTable.ReadAsync(
                image.File, image.Header.SnapshotTableOffset, image.Header.SnapshotCount, image.Length)).Length;
        if (guard.Checks(MetadataKinds.InactiveL2))
            await guard.ReadInactiveAsync();
        foreach (var (kind, _) in Names)
        {
            foreach (var (offset, length) in guard.RangesOf(kind))
                guard.Add(offset, length);
        }

        return guard;
    }

    /// <summary>Metadata are at another place now, or there are more.</summary>
    public void Add(long hostOffset, long length)
    {
        if (kinds == MetadataKinds.None || length <= 0 || words.Count >= MaxWords)
            return;
        var last = (hostOffset + length - 1) >> geometry.ClusterBits;
        for (var cluster = hostOffset >> geometry.ClusterBits; cluster <= last; cluster++)
            words[cluster >> WordBits] = words.GetValueOrDefault(cluster >> WordBits) | (1ul << (int)(cluster & 63));
    }

    /// <summary>Refuses a write to the image's file that would overwrite metadata. The image takes no more writes then.</summary>
    /// <param name="hostOffset">Its first byte.</param>
    /// <param name="length">Bytes.</param>
    /// <param name="ignored">What it is to overwrite.</param>
    /// <exception cref="BlockException">What it would overwrite (EIO).</exception>
    public void Demand(long hostOffset, long length, MetadataKinds ignored = MetadataKinds.None)
    {
        if (words.Count == 0)
            return;
        var first = hostOffset >> geometry.ClusterBits;
        var last = (hostOffset + length - 1) >> geometry.ClusterBits;
        for (var word = first >> WordBits; word <= last >> WordBits; word++)
        {
            if (!words.TryGetValue(word, out var bits))
                continue;
            var from = Math.Max(first, word << WordBits);
            var to = Math.Min(last, (word << WordBits) + 63);
            var mask = ulong.MaxValue >> (int)(63 - (to - from)) << (int)(from & 63);
            if ((bits & mask) != 0)
                DemandClusters(from, to, hostOffset, length, ignored);
        }
    }

    private void DemandClusters(long first, long last, long hostOffset, long length, MetadataKinds ignored)
    {
        var (start, end) = (first << geometry.ClusterBits, (last + 1) << geometry.ClusterBits);
        foreach (var (kind, name) in Names)
        {
            if ((kind & ignored) == 0 && RangesOf(kind).Any(r => r.Offset < end && r.Offset + r.Length > start))
                throw Refuse($"Preventing invalid write on metadata (overlaps with {name})", hostOffset, length);
        }

        for (var cluster = first; cluster <= last && ignored == MetadataKinds.None; cluster++)
            words[cluster >> WordBits] &= ~(1ul << (int)(cluster & 63));
    }

    private BlockException Refuse(string message, long hostOffset, long length)
    {
        var reason = new BlockException(BlockErrorKind.Corrupt, $"{message}: '{image.File.Path}' is corrupt", Errno.EIO)
        {
            Path = image.File.Path,
            Offset = hostOffset,
        };
        image.MarkCorrupt(reason, new ImageCorruption(image.Name, message, hostOffset, length));
        return reason;
    }

    private bool Checks(MetadataKinds kind) => (kinds & kind) != 0;

    private IEnumerable<(long Offset, long Length)> RangesOf(MetadataKinds kind)
    {
        var header = image.Header;
        long cluster = geometry.ClusterLength;
        return !Checks(kind) ? [] : kind switch
        {
            MetadataKinds.MainHeader => [(0, cluster)],
            MetadataKinds.ActiveL1 => [(image.L1.Offset, (long)image.L1.Count * L1Table.EntryLength)],
            MetadataKinds.RefcountTable =>
            [
                (header.RefcountTableOffset, header.RefcountTableClusters * cluster),
                (refcounts.Offset, refcounts.ClusterCount * cluster),
            ],
            MetadataKinds.SnapshotTable => [(header.SnapshotTableOffset, snapshotTableLength)],
            MetadataKinds.InactiveL1 => image.Snapshots.Select(s => ((long)s.L1Offset, (long)s.L1Count * L1Table.EntryLength)),
            MetadataKinds.ActiveL2 => ActiveL2().Select(offset => (offset, cluster)),
            MetadataKinds.RefcountBlock => refcounts.BlockOffsets.Select(offset => (offset, cluster)),
            MetadataKinds.InactiveL2 => inactiveL2.Select(offset => (offset, cluster)),
            _ => header.Bitmaps is { } bitmaps ? [(bitmaps.DirectoryOffset, bitmaps.DirectoryLength)] : [],
        };
    }

    private IEnumerable<long> ActiveL2()
    {
        for (var index = image.L1.CountEmpty(0, image.L1.Count); index < image.L1.Count; index++)
        {
            if (image.L1.L2Offset(index) is var offset and not 0)
                yield return offset;
        }
    }

    private async ValueTask ReadInactiveAsync()
    {
        foreach (var snapshot in image.Snapshots)
        {
            var l1 = await L1Table.ReadAsync(image.File, (long)snapshot.L1Offset, (int)snapshot.L1Count);
            for (var index = 0; index < l1.Count; index++)
            {
                if (l1.L2Offset(index) != 0)
                    inactiveL2.Add(l1.L2Offset(index));
            }
        }
    }
}
