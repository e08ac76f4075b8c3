namespace BlockUring.Images;

/// <summary>A guest disk as <see cref="ImageDriver.MeasureAsync"/> looks at it: which parts hold data.</summary>
public interface IMeasuredContent
{
    /// <summary>Guest size in bytes.</summary>
    long Length { get; }

    /// <summary>The run at <paramref name="offset"/>: its length (1 to <paramref name="maxLength"/>) and whether it would have to be stored.</summary>
    ValueTask<(long Length, bool IsData)> GetRunAsync(long offset, long maxLength);

    /// <summary>Bytes that the content's persistent bitmaps would take in a qcow2 file of that cluster size; null when it cannot have any.</summary>
    long? MeasureBitmaps(int clusterLength) => null;
}
