namespace BlockUring.Images;

/// <summary>What <see cref="SizeText.Parse"/> made of a text.</summary>
public enum SizeTextResult
{
    /// <summary>It is a size.</summary>
    Parsed,

    /// <summary>It is not a size.</summary>
    Malformed,

    /// <summary>It is a size of 2^64 bytes or more.</summary>
    TooLarge,
}
