using BlockUring.Images;

namespace BlockUring.Cli.Img;

/// <summary>An image as `measure` looks at it.</summary>
internal sealed class ImageContent(Image image) : IMeasuredContent
{
    /// <inheritdoc/>
    public long Length => image.Length;

    /// <inheritdoc/>
    public async ValueTask<(long Length, bool IsData)> GetRunAsync(long offset, long maxLength)
    {
        var status = await image.GetStatusAsync(offset, maxLength);
        return (status.Length, status.IsData && status.IsAllocated && !status.IsZero);
    }

    /// <inheritdoc/>
    public long? MeasureBitmaps(int clusterLength) => image.Format.MeasureBitmaps(clusterLength);
}
