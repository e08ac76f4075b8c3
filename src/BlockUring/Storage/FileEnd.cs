namespace BlockUring.Storage;

/// <summary>Where an open file ends: as its users see it, and where padding of the last O_DIRECT request has put the host's end.</summary>
internal sealed class FileEnd
{
    /// <summary>Bytes that users have written or asked for.</summary>
    public long Length { get; set; }

    /// <summary>Bytes that the host file may have; more than <see cref="Length"/> until the padding is cut off.</summary>
    public long PaddedLength { get; set; }

    public void Set(long length) => Length = PaddedLength = length;
}
