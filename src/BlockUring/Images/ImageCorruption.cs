namespace BlockUring.Images;

/// <summary>Metadata of an image that contradict themselves, found while it was written; it takes no more writes until it is repaired.</summary>
/// <param name="Format">The image's format.</param>
/// <param name="Message">What was found.</param>
/// <param name="Offset">Where in the file, in bytes.</param>
/// <param name="Length">How many bytes of it.</param>
public sealed record ImageCorruption(string Format, string Message, long Offset, long Length)
{
    /// <summary>The line that tells a user, as QEMU writes it.</summary>
    public override string ToString() => $"{Format}: Marking image as corrupt: {Message}; further corruption events will be suppressed";
}
