using System.Runtime.CompilerServices;
using BlockUring.Images;
using BlockUring.Native.Memory;
using BlockUring.Storage;

namespace BlockUring.Copy;

/// <summary>One or more images one after the other, or a part of one, read as one guest disk.</summary>
public sealed class CopySource
{
    private readonly Image[] images;
    private readonly long[] starts;

    /// <summary>Puts the images in a row; they stay the caller's to dispose.</summary>
    public CopySource(IReadOnlyList<Image> images)
    {
        this.images = [.. images];
        starts = new long[this.images.Length];
        for (var i = 0; i < starts.Length; i++)
        {
            starts[i] = Length;
            Length = checked(Length + this.images[i].Length);
        }
    }

    /// <summary>A part of an image, which stays the caller's to dispose.</summary>
    /// <param name="image">The image.</param>
    /// <param name="start">Its first byte that is read.</param>
    /// <param name="length">Bytes; they end at or before the image's end.</param>
    public CopySource(Image image, long start, long length)
    {
        images = [image];
        starts = [-start];
        Length = length;
    }

    /// <summary>Bytes of all of it.</summary>
    public long Length { get; }

    /// <summary>The image that holds <paramref name="offset"/>, and where it starts.</summary>
    public (Image Image, long Start) At(long offset)
    {
        var index = Array.BinarySearch(starts, offset);
        if (index < 0)
            index = ~index - 1;

        // Why: an empty image starts where the next one does.
        while (index + 1 < starts.Length && starts[index + 1] <= offset)
            index++;
        return (images[index], starts[index]);
    }

    /// <summary>What the run at <paramref name="offset"/> is; it does not go beyond the image that holds it.</summary>
    /// <param name="offset">0 to <see cref="Length"/> - 1.</param>
    /// <param name="maxLength">1 or more.</param>
    /// <param name="topOnly">Whether only the top layer counts, since the target has the same backing file.</param>
    public ValueTask<BlockStatus> GetStatusAsync(long offset, long maxLength, bool topOnly)
    {
        var (image, start) = At(offset);
        return topOnly ? image.GetLayerStatusAsync(offset - start, maxLength) : image.GetStatusAsync(offset - start, maxLength);
    }

    /// <summary>Reads across the images' boundaries.</summary>
    public ValueTask ReadAsync(long offset, IoMemory destination)
    {
        var (image, start) = At(offset);
        return offset - start + destination.Length <= image.Length
            ? image.ReadAsync(offset - start, destination)
            : ReadAcrossAsync(offset, destination);
    }

    [AsyncMethodBuilder(typeof(PooledTaskBuilder))]
    private async ValueTask ReadAcrossAsync(long offset, IoMemory destination)
    {
        while (destination.Length > 0)
        {
            if (offset >= Length)
            {
                destination.Span.Clear();
                return;
            }

            var (image, start) = At(offset);
            var part = (int)Math.Min(destination.Length, start + image.Length - offset);
            await image.ReadAsync(offset - start, destination.Slice(0, part));
            offset += part;
            destination = destination.Slice(part);
        }
    }
}
