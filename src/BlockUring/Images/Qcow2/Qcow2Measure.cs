using System.Text;
using BlockUring.Storage;

namespace BlockUring.Images.Qcow2;

/// <summary>What an image would take: QEMU's estimate, which counts metadata for the whole disk and data by cluster.</summary>
internal static class Qcow2Measure
{
    /// <summary>Measures; see <see cref="ImageDriver.MeasureAsync"/>.</summary>
    public static async ValueTask<Measurement> RunAsync(CreateRequest request, IMeasuredContent? content)
    {
        var options = Qcow2CreateOptions.ParseForMeasure(request);
        var geometry = options.Geometry;
        DemandRepresentable(geometry, request.Length);
        var guestLength = geometry.RoundUpToCluster(content?.Length ?? request.Length);
        long required = 0;
        if (content != null)
            required = options.BackingFile != null ? guestLength : await DataLengthAsync(content, geometry);
        if (options.Preallocation is PreallocationMode.Falloc or PreallocationMode.Full)
            required = guestLength;
        var full = FullLength(geometry, guestLength);
        var bitmaps = options.Version >= 3 ? content?.MeasureBitmaps(geometry.ClusterLength) : null;
        var keyLength = geometry.RoundUpToCluster(options.Encryption?.PayloadOffset ?? 0);
        return new(full - guestLength + required + keyLength, full + keyLength, bitmaps);
    }

    /// <summary>Bytes of all bitmaps, their tables and the directory.</summary>
    public static long BitmapBytes(IReadOnlyList<Qcow2BitmapInfo> bitmaps, long guestLength, int clusterLength)
    {
        long bytes = 0, directory = 0;
        foreach (var bitmap in bitmaps)
        {
            var bits = (guestLength + bitmap.Granularity - 1) / bitmap.Granularity;
            // Why: QEMU rounds a bitmap up to whole words of 64 bits.
            var bitmapBytes = (bits + 63) / 64 * 8;
            var clusters = (bitmapBytes + clusterLength - 1) / clusterLength;
            bytes += (clusters * clusterLength) + RoundUp(clusters * 8, clusterLength);
            directory += RoundUp(Qcow2BitmapInfo.FixedLength + Encoding.UTF8.GetByteCount(bitmap.Name), 8);
        }

        return bytes + RoundUp(directory, clusterLength);
    }

    private static void DemandRepresentable(Qcow2Geometry geometry, long guestLength)
    {
        if (geometry.L1CountFor(guestLength) > Qcow2Limits.MaxL1Bytes / L1Table.EntryLength)
            throw Qcow2Errors.Limit("The image size is too large (try using a larger cluster size)");
    }

    private static async ValueTask<long> DataLengthAsync(IMeasuredContent content, Qcow2Geometry geometry)
    {
        long required = 0;
        long offset = 0;
        while (offset < content.Length)
        {
            var (length, isData) = await content.GetRunAsync(offset, content.Length - offset);
            if (isData)
            {
                var end = geometry.RoundUpToCluster(offset + length);
                required += geometry.OffsetInCluster(offset) + (end - offset);
                length = end - offset;
            }

            offset += length;
        }

        return required;
    }

    // The length of a fully allocated file: header, L2 tables, L1 table, refcounts, data.
    private static long FullLength(Qcow2Geometry geometry, long guestLength)
    {
        long clusterLength = geometry.ClusterLength;
        var l2Bytes = RoundUp((guestLength >> geometry.ClusterBits) * geometry.L2EntryLength, clusterLength);
        var l1Bytes = RoundUp((l2Bytes >> geometry.ClusterBits) * L1Table.EntryLength, clusterLength);
        var rest = clusterLength + l2Bytes + l1Bytes + guestLength;
        var (table, blocks) = Qcow2Layout.RefcountsFor(rest >> geometry.ClusterBits, clusterLength, geometry.RefcountOrder);
        return checked(rest + ((table + blocks) << geometry.ClusterBits));
    }

    private static long RoundUp(long value, long unit) => (value + unit - 1) / unit * unit;
}
