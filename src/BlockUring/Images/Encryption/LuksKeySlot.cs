namespace BlockUring.Images.Encryption;

/// <summary>One of the eight places of a LUKS header that hold the master key, each under another password.</summary>
/// <param name="IsActive">Whether it holds the key.</param>
/// <param name="Iterations">How often the password is hashed; 0 where inactive.</param>
/// <param name="Salt">What is hashed with it: 32 bytes.</param>
/// <param name="KeyOffset">Where the split key is, in bytes from the header's start.</param>
/// <param name="Stripes">How many parts the key is split into.</param>
internal sealed record LuksKeySlot(bool IsActive, uint Iterations, byte[] Salt, long KeyOffset, int Stripes);
