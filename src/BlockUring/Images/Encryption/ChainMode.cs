namespace BlockUring.Images.Encryption;

/// <summary>How the blocks of a sector depend on each other.</summary>
internal enum ChainMode
{
    /// <summary>Not at all.</summary>
    Ecb,

    /// <summary>Each on the one before.</summary>
    Cbc,

    /// <summary>Each on its place (IEEE 1619).</summary>
    Xts,

    /// <summary>Not at all: each is combined with an encrypted counter.</summary>
    Ctr,
}
