using System.Buffers;
using System.Text.Json;
using BlockUring.Bitmaps;
using BlockUring.Graph;
using BlockUring.Images;

namespace BlockUring.Qmp.Commands.Nodes;

/// <summary>Nodes in the words of the definition.</summary>
internal static class NodeText
{
    /// <summary>What queries answer of a node.</summary>
    /// <param name="node">The node.</param>
    /// <param name="isFlat">Whether its backing files are left out.</param>
    public static NodeResult Describe(BlockNode node, bool isFlat) => new()
    {
        File = node.FileName,
        NodeName = node.Name,
        Ro = node.IsReadOnly,
        Drv = node.DriverName,
        BackingFile = node.BackingLink?.Node.FileName,
        BackingFileDepth = isFlat ? 0 : DepthOf(node),
        Encrypted = node is FormatNode { Image.Format.IsEncrypted: true },
        DetectZeroes = node.Settings.DetectZeroes.ToString().ToLowerInvariant(),
        Image = DescribeImage(node, isFlat),
        Cache = new(true, node.Settings.Direct, node.Settings.NoFlush),
        WriteThreshold = node.Observers.Threshold,
        DirtyBitmaps = node.Bitmaps.Count == 0 ? null : [.. node.Bitmaps.Reverse().Select(Describe)],
    };

    private static BitmapResult Describe(DirtyBitmap bitmap) => new(
        bitmap.Name,
        bitmap.Count,
        (uint)bitmap.Granularity,
        bitmap.IsRecording,
        bitmap.IsBusy || bitmap.HasSuccessor,
        bitmap.IsPersistent,
        bitmap.IsInconsistent ? true : null);

    private static ImageResult DescribeImage(BlockNode node, bool isFlat)
    {
        var format = (node as FormatNode)?.Image.Format;
        var description = format?.Describe();
        var stored = string.IsNullOrEmpty(format?.BackingFileName) ? null : format.BackingFileName;
        var (isDirty, clusterLength) = MetadataOf(node);
        var allocated = AllocatedBytes(node);
        var backing = isFlat ? null : node.BackingLink?.Node;
        return new()
        {
            Filename = node.FileName,
            Format = node.DriverName,
            DirtyFlag = isDirty,
            ActualSize = allocated < 0 ? null : allocated,
            VirtualSize = RoundToSector(node.Length),
            ClusterSize = clusterLength == 0 ? null : clusterLength,
            Encrypted = description is { IsEncrypted: true } ? true : null,
            BackingFilename = stored,
            FullBackingFilename = stored == null ? null : ImagePath.Combine(node.FileName, stored),
            BackingFilenameFormat = stored == null ? null : format!.BackingFormat,
            Snapshots = description?.Snapshots is { Count: > 0 } snapshots ? [.. snapshots.Select(SnapshotResult.Of)] : null,
            BackingImage = backing == null ? null : DescribeImage(backing, isFlat),
            FormatSpecific = description?.Specific is { } facts ? Specific(node.DriverName, facts) : null,
        };
    }

    // Why: disks are counted in sectors.
    private static long RoundToSector(long length) => length + 511 & ~511L;

    private static int DepthOf(BlockNode node)
    {
        var depth = 0;
        for (var layer = LayerOf(node); layer?.BackingLink is { } link; layer = LayerOf(link.Node))
            depth++;
        return depth;
    }

    private static BlockNode? LayerOf(BlockNode? node)
    {
        while (node is { IsFilter: true })
            node = node.Primary?.Node;
        return node;
    }

    // Of the layer that has metadata: what shows another node as it is has none.
    private static (bool? IsDirty, long ClusterLength) MetadataOf(BlockNode node)
    {
        if (node is FormatNode { Image.Format: { SupportsBacking: true } format })
            return (format.Describe().IsDirty ?? false, format.ClusterLength);
        if (node.DriverName == "snapshot-access")
            return (null, 0);
        if (node.Primary is { } primary)
            return MetadataOf(primary.Node);
        return (node.DriverName == "nbd" || node.DriverName.StartsWith("null-", StringComparison.Ordinal) ? null : false, 0);
    }

    private static long AllocatedBytes(BlockNode node)
    {
        // Why: QEMU's answer for that driver has no size either.
        if (node.DriverName == "blkdebug")
            return -1;
        if (node is not FormatNode)
            return node.Primary is { } primary ? AllocatedBytes(primary.Node) : node.File.AllocatedBytes;
        var sum = 0L;
        foreach (var link in node.Children.Where(l => l.Role != LinkRole.Backing))
        {
            var part = AllocatedBytes(link.Node);
            if (part < 0)
                return part;
            sum += part;
        }

        return sum;
    }

    private static JsonElement Specific(string driver, InfoObject facts)
    {
        var output = new ArrayBufferWriter<byte>();
        using (var writer = new Utf8JsonWriter(output))
        {
            writer.WriteStartObject();
            writer.WriteString("type", driver);
            writer.WritePropertyName("data");
            Write(writer, facts);
            writer.WriteEndObject();
        }

        return JsonDocument.Parse(output.WrittenMemory).RootElement;
    }

    private static void Write(Utf8JsonWriter writer, object value)
    {
        switch (value)
        {
            case string text:
                writer.WriteStringValue(text);
                break;
            case bool flag:
                writer.WriteBooleanValue(flag);
                break;
            case long number:
                writer.WriteNumberValue(number);
                break;
            case InfoObject members:
                writer.WriteStartObject();
                foreach (var (name, member) in members)
                {
                    writer.WritePropertyName(name);
                    Write(writer, member);
                }

                writer.WriteEndObject();
                break;
            case IEnumerable<object> items:
                writer.WriteStartArray();
                foreach (var item in items)
                    Write(writer, item);
                writer.WriteEndArray();
                break;
            default:
                throw new InvalidOperationException($"A fact of type {value.GetType().Name} has no form on the wire.");
        }
    }
}
