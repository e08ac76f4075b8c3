namespace BlockUring.Images.Qcow2;

/// <summary>Where the LUKS header is (specification: "Full disk encryption header pointer").</summary>
/// <param name="Offset">Host offset, cluster-aligned.</param>
/// <param name="Length">Bytes.</param>
internal sealed record EncryptionExtension(long Offset, long Length)
{
    /// <summary>Bytes of the extension's data.</summary>
    public const int Bytes = 16;
}
