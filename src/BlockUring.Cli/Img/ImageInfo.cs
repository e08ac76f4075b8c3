using BlockUring.Images;

namespace BlockUring.Cli.Img;

/// <summary>What `img info` shows of one image.</summary>
/// <param name="FileName">The name.</param>
/// <param name="FormatName">The format.</param>
/// <param name="VirtualSize">Guest size in bytes.</param>
/// <param name="AllocatedBytes">Bytes on the host's disk, -1 when unknown.</param>
/// <param name="ClusterLength">Bytes, 0 for a format without clusters.</param>
/// <param name="BackingFileName">The backing file as the header has it, null for none.</param>
/// <param name="FullBackingFileName">The name under which it is opened.</param>
/// <param name="BackingFormat">Its format as the header has it, null for none.</param>
/// <param name="Description">What the format itself says.</param>
internal sealed record ImageInfo(
    string FileName,
    string FormatName,
    long VirtualSize,
    long AllocatedBytes,
    long ClusterLength,
    string? BackingFileName,
    string? FullBackingFileName,
    string? BackingFormat,
    ImageDescription Description)
{
    /// <summary>Collects the facts of an open image.</summary>
    public static ImageInfo Of(Image image)
    {
        var format = image.Format;
        var description = format.Describe();
        var allocated = image.File.AllocatedBytes;
        if (allocated >= 0)
            allocated = description.OtherAllocatedBytes >= 0 ? allocated + description.OtherAllocatedBytes : -1;
        var backing = string.IsNullOrEmpty(format.BackingFileName) ? null : format.BackingFileName;
        return new ImageInfo(
            image.File.Path,
            format.Name,
            image.Length,
            allocated,
            format.ClusterLength,
            backing,
            backing == null ? null : ImagePath.Combine(image.File.Path, backing),
            backing == null ? null : format.BackingFormat,
            description);
    }
}
