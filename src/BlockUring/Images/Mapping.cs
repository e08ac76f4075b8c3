using BlockUring.Storage;

namespace BlockUring.Images;

/// <summary>Where a run of guest bytes is, as far as one layer knows.</summary>
/// <param name="Kind">What it is.</param>
/// <param name="Length">Guest bytes, 1 or more, all of this kind and contiguous on the host where a host offset is given.</param>
/// <param name="File">The file that <paramref name="HostOffset"/> counts in; null when there is none.</param>
/// <param name="HostOffset">
/// Data: the host offset of the first byte. Zero: that of the preallocated cluster, or -1. Compressed: the format's own descriptor.
/// </param>
/// <param name="MayBeSparse">Data whose host range may be a hole in <paramref name="File"/> (preallocated metadata): worth asking the file.</param>
public readonly record struct Mapping(MappingKind Kind, long Length, BlockFile? File = null, long HostOffset = -1, bool MayBeSparse = false);
