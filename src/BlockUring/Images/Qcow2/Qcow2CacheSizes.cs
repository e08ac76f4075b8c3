using System.Numerics;
using BlockUring.Storage;

namespace BlockUring.Images.Qcow2;

/// <summary>How much of an image's tables is kept in memory, by the options and checks of QEMU.</summary>
/// <param name="L2Bytes">Bound of the L2 table cache.</param>
/// <param name="RefcountBytes">Bound of the refcount block cache.</param>
/// <param name="EntryLength">Bytes that are read and kept as one, at most.</param>
/// <remarks>Memory is taken as tables are used, and not before. What the options ask for beyond our maxima, they do not get.</remarks>
internal sealed record Qcow2CacheSizes(long L2Bytes, long RefcountBytes, int EntryLength)
{
    // Why: as much as QEMU's, which covers 256 GiB of guest at 64 KiB clusters, and still little for a process.
    private const long DefaultL2Bytes = 32 << 20;
    private const long DefaultRefcountBytes = 4 << 20;

    // Why: what a user asks for must not outgrow the pool that the tables live in.
    private const long MaxL2Bytes = 128 << 20;
    private const long MaxRefcountBytes = 32 << 20;
    private const int MinL2Entries = 2;
    private const int MinRefcountClusters = 4;
    private const long MaxEntries = int.MaxValue;

    /// <summary>Takes the options out of the tree.</summary>
    /// <exception cref="BlockException">They are wrong, in QEMU's words.</exception>
    public static Qcow2CacheSizes Take(OptionTree options, Qcow2Header header, Qcow2Geometry geometry)
    {
        var total = TakeSize(options, "cache-size");
        var l2 = TakeSize(options, "l2-cache-size");
        var refcounts = TakeSize(options, "refcount-cache-size");
        DemandTogether(total, l2, refcounts);
        var entryLength = TakeEntryLength(options, geometry);
        var wholeL2 = geometry.RoundUpToCluster(geometry.ClustersFor(header.GuestLength) * geometry.L2EntryLength);
        var l2Bytes = Math.Min(wholeL2, l2 ?? DefaultL2Bytes);
        var refcountBytes = refcounts ?? 0;
        if (total is { } sum)
        {
            var fewestRefcounts = MinRefcountClusters * (long)geometry.ClusterLength;
            (l2Bytes, refcountBytes) = Share(sum, l2 == null ? null : l2Bytes, refcounts, wholeL2, fewestRefcounts);
        }

        if (l2Bytes / entryLength > MaxEntries)
            throw Qcow2Errors.Invalid("L2 cache size too big");
        if (refcountBytes >> geometry.ClusterBits > MaxEntries)
            throw Qcow2Errors.Invalid("Refcount cache size too big");
        DemandInterval(options);

        // Why not less by default: a small image that grows needs more.
        var isL2Given = total != null || l2 != null;
        return new(
            Math.Clamp(isL2Given ? l2Bytes : DefaultL2Bytes, MinL2Entries * (long)entryLength, MaxL2Bytes),
            refcountBytes == 0 ? DefaultRefcountBytes : Math.Clamp(refcountBytes, MinRefcountClusters * (long)geometry.SliceLength, MaxRefcountBytes),
            entryLength);
    }

    private static void DemandTogether(long? total, long? l2, long? refcounts)
    {
        if (total == null)
            return;
        if (l2 != null && refcounts != null)
            throw Qcow2Errors.Invalid("cache-size, l2-cache-size and refcount-cache-size may not be set at the same time");
        if (l2 > total)
            throw Qcow2Errors.Invalid("l2-cache-size may not exceed cache-size");
        if (refcounts > total)
            throw Qcow2Errors.Invalid("refcount-cache-size may not exceed cache-size");
    }

    // As much as helps goes to the L2 tables.
    private static (long L2, long Refcounts) Share(long sum, long? l2, long? refcounts, long wholeL2, long fewestRefcounts)
    {
        if (l2 is { } given)
            return (given, sum - given);
        if (refcounts is { } others)
            return (sum - others, others);
        if (sum >= wholeL2 + fewestRefcounts)
            return (wholeL2, sum - wholeL2);
        var fewest = Math.Min(sum, fewestRefcounts);
        return (sum - fewest, fewest);
    }

    private static int TakeEntryLength(OptionTree options, Qcow2Geometry geometry)
    {
        if (TakeSize(options, "l2-cache-entry-size") is not { } length)
            return geometry.SliceLength;
        const int min = 1 << Qcow2Limits.MinClusterBits;
        return length >= min && length <= geometry.ClusterLength && BitOperations.IsPow2(length)
            ? (int)Math.Min(length, geometry.SliceLength)
            : throw Qcow2Errors.Invalid(
                $"L2 cache entry size must be a power of two between {min} and the cluster size ({geometry.ClusterLength})");
    }

    // Memory is not given back by time: it is bounded.
    private static void DemandInterval(OptionTree options)
    {
        if (options.TryTake("cache-clean-interval", out var text) && OptionText.ParseNumber("cache-clean-interval", text) > uint.MaxValue)
            throw Qcow2Errors.Invalid("Cache clean interval too big");
    }

    // Numbers have 64 bits without a sign.
    private static long? TakeSize(OptionTree options, string name)
    {
        if (!options.TryTake(name, out var text))
            return null;
        return SizeText.Parse(text, 1, out var bytes) == SizeTextResult.Parsed
            ? (long)Math.Min(bytes, long.MaxValue)
            : OptionText.ParseSize(name, text);
    }
}
