namespace BlockUring.Images.Encryption;

/// <summary>What a sector's initialization vector is made of.</summary>
internal enum IvGenerator
{
    /// <summary>The low 32 bits of its number.</summary>
    Plain,

    /// <summary>The 64 bits of its number.</summary>
    Plain64,

    /// <summary>Its number, encrypted with a hash of the key.</summary>
    Essiv,
}
