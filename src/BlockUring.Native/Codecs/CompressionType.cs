namespace BlockUring.Native.Codecs;

/// <summary>
/// How the compressed clusters of a qcow2 image are packed; the values are those of the header's compression_type field
/// (qcow2 specification, "Additional fields", byte 104).
/// </summary>
public enum CompressionType
{
    /// <summary>Raw deflate with a window of 4 KiB; no zlib header in spite of the name.</summary>
    Zlib = 0,

    /// <summary>Zstandard frames (RFC 8878).</summary>
    Zstd = 1,
}
