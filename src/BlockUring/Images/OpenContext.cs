using BlockUring.Images.Encryption;
using BlockUring.Storage;

namespace BlockUring.Images;

/// <summary>What a format gets to open an image.</summary>
/// <param name="Host">Opens further files (an external data file).</param>
/// <param name="File">The file that holds the image. Stays the caller's to dispose.</param>
/// <param name="FileOptions">How <paramref name="File"/> was opened; further files are opened likewise.</param>
/// <param name="Options">The format's own options by dotted name ("lazy-refcounts", "data-file.filename"), already without "file." and "backing.".</param>
/// <param name="Gate">Decides which files named inside the image may be opened.</param>
/// <param name="Warn">Receives warnings, one line each.</param>
public sealed record OpenContext(
    FileHost Host,
    BlockFile File,
    FileOpenOptions FileOptions,
    OptionTree Options,
    OpenGate Gate,
    Action<string> Warn)
{
    /// <summary>
    /// Whether only metadata is wanted (`info`): no guest data will be read, and further files that hold nothing else are not opened, so
    /// that looking at an image from somebody else opens nothing that it names.
    /// </summary>
    public bool MetadataOnly { get; init; }

    /// <summary>Where the passwords of encrypted images are.</summary>
    public SecretSource Secrets { get; init; } = SecretAccess.None;

    /// <summary>Whether the image is opened to be checked: what the check looks at itself does not keep it from being opened.</summary>
    public bool ForCheck { get; init; }
}
