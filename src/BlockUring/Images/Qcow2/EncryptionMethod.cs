namespace BlockUring.Images.Qcow2;

/// <summary>How guest data is encrypted (specification: "Header", bytes 32 to 35).</summary>
internal static class EncryptionMethod
{
    public const int None = 0;

    /// <summary>AES-128 in CBC mode, the password itself being the key: obsolete and broken.</summary>
    public const int Aes = 1;

    public const int Luks = 2;
}
