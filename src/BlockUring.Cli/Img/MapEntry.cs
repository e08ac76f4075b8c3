using BlockUring.Images;

namespace BlockUring.Cli.Img;

/// <summary>A line of `img map`.</summary>
/// <param name="Start">First guest byte.</param>
/// <param name="Length">Bytes.</param>
/// <param name="Depth">How many layers down it was found.</param>
/// <param name="IsPresent">Whether a layer holds it.</param>
/// <param name="IsZero">Whether it reads as zeroes.</param>
/// <param name="IsData">Whether bytes are stored.</param>
/// <param name="HostOffset">Where they are, -1 when there is no such place.</param>
/// <param name="File">The file that the host offset counts in, null for none.</param>
internal readonly record struct MapEntry(
    long Start, long Length, int Depth, bool IsPresent, bool IsZero, bool IsData, long HostOffset = -1, string? File = null)
{
    /// <summary>The entry for a status.</summary>
    public static MapEntry Of(long start, BlockStatus status) => new(
        start,
        status.Length,
        status.Depth,
        status.IsAllocated,
        status.IsZero,
        status.IsData,
        status.File == null ? -1 : status.HostOffset,
        status.HostOffset < 0 ? null : status.File?.Path);

    /// <summary>Whether <paramref name="next"/>, which follows on the guest's side, continues this one in every respect.</summary>
    public bool Continues(MapEntry next) =>
        Length > 0
        && next with { Start = Start, Length = Length, HostOffset = HostOffset } == this
        && (HostOffset < 0) == (next.HostOffset < 0)
        && (HostOffset < 0 || HostOffset + Length == next.HostOffset);
}
