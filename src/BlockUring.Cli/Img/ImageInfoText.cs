using System.Text;
using BlockUring.Cli.Output;
using BlockUring.Images;

namespace BlockUring.Cli.Img;

/// <summary>The facts of `img info` as text for people and as JSON.</summary>
internal static class ImageInfoText
{
    /// <summary>Lines for people, each ended by a line feed.</summary>
    public static string Human(ImageInfo info)
    {
        var description = info.Description;
        var disk = info.AllocatedBytes < 0 ? "unavailable" : SizeFormat.Human(info.AllocatedBytes);
        var text = new StringBuilder();
        text.Append($"image: {info.FileName}\nfile format: {info.FormatName}\n");
        text.Append($"virtual size: {SizeFormat.Human(info.VirtualSize)} ({info.VirtualSize} bytes)\ndisk size: {disk}\n");
        if (description.IsEncrypted)
            text.Append("encrypted: yes\n");
        if (info.ClusterLength != 0)
            text.Append($"cluster_size: {info.ClusterLength}\n");
        if (description.IsDirty == true)
            text.Append("cleanly shut down: no\n");
        AppendBacking(text, info);
        text.Append(Snapshots(description.Snapshots));
        if (description.Specific != null)
            text.Append("Format specific information:\n").Append(InfoText.Lines(description.Specific, 1));
        return text.ToString();
    }

    /// <summary>JSON: one object, or a list of them for a chain.</summary>
    public static string Json(List<ImageInfo> images, bool asList) =>
        JsonText.Pretty(asList ? images.ConvertAll(ToObject) : ToObject(images[0]));

    /// <summary>The list of snapshots; nothing for none.</summary>
    public static string Snapshots(IReadOnlyList<SnapshotDescription> snapshots)
    {
        if (snapshots.Count == 0)
            return "";
        var text = new StringBuilder($"Snapshot list:\n{"ID",-10}{"TAG",-17}{"VM SIZE",8}{"DATE",20}{"VM CLOCK",13}{"ICOUNT",11}\n");
        foreach (var snapshot in snapshots)
        {
            var size = SizeFormat.Human(snapshot.VmStateBytes);
            var date = snapshot.Taken.ToLocalTime().ToString("yyyy-MM-dd HH:mm:ss");
            text.Append($"{snapshot.Id,-9} {snapshot.Name,-16} {size,8}{date,20}{Clock(snapshot.VmClockNanoseconds),13}{snapshot.InstructionCount,11}\n");
        }

        return text.ToString();
    }

    private static InfoObject ToObject(ImageInfo info)
    {
        var description = info.Description;
        return new InfoObject
        {
            { "filename", info.FileName },
            { "format", info.FormatName },
            { "dirty-flag", description.IsDirty },
            { "actual-size", info.AllocatedBytes < 0 ? null : info.AllocatedBytes },
            { "virtual-size", info.VirtualSize },
            { "cluster-size", info.ClusterLength == 0 ? null : info.ClusterLength },
            { "encrypted", description.IsEncrypted ? true : null },
            { "backing-filename", info.BackingFileName },
            { "full-backing-filename", info.FullBackingFileName },
            { "backing-filename-format", info.BackingFormat },
            { "snapshots", description.Snapshots.Count == 0 ? null : description.Snapshots.Select(ToObject).ToList() },
            { "format-specific", SpecificObject(info) },
        };
    }

    private static InfoObject? SpecificObject(ImageInfo info) => info.Description.Specific is { } specific
        ? new InfoObject { { "type", info.FormatName }, { "data", specific } }
        : null;

    private static InfoObject ToObject(SnapshotDescription snapshot)
    {
        var seconds = snapshot.Taken.ToUnixTimeSeconds();
        return new InfoObject
        {
            { "id", snapshot.Id },
            { "name", snapshot.Name },
            { "vm-state-size", snapshot.VmStateBytes },
            { "date-sec", seconds },
            { "date-nsec", (snapshot.Taken - DateTimeOffset.FromUnixTimeSeconds(seconds)).Ticks * 100 },
            { "vm-clock-sec", snapshot.VmClockNanoseconds / 1_000_000_000 },
            { "vm-clock-nsec", snapshot.VmClockNanoseconds % 1_000_000_000 },
            { "icount", snapshot.InstructionCount },
        };
    }

    private static void AppendBacking(StringBuilder text, ImageInfo info)
    {
        if (info.BackingFileName == null)
            return;
        text.Append($"backing file: {info.BackingFileName}");
        if (info.FullBackingFileName != info.BackingFileName)
            text.Append($" (actual path: {info.FullBackingFileName})");
        text.Append('\n');
        if (info.BackingFormat != null)
            text.Append($"backing file format: {info.BackingFormat}\n");
    }

    private static string Clock(long nanoseconds)
    {
        var seconds = nanoseconds / 1_000_000_000;
        return $"{seconds / 3600:00}:{seconds / 60 % 60:00}:{seconds % 60:00}.{nanoseconds / 1_000_000 % 1000:000}";
    }
}
