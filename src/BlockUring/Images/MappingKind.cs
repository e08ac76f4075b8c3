namespace BlockUring.Images;

/// <summary>What a format says about a run of guest bytes.</summary>
public enum MappingKind
{
    /// <summary>This layer holds nothing: the backing file shows through, or zeroes where there is none.</summary>
    Unallocated,

    /// <summary>This layer says it reads as zeroes.</summary>
    Zero,

    /// <summary>The bytes are at a host offset of a file.</summary>
    Data,

    /// <summary>One compressed cluster, to be read through the format.</summary>
    Compressed,
}
