using BlockUring.Images.Encryption;
using BlockUring.Storage;

namespace BlockUring.Images;

/// <summary>How an image and its chain are opened.</summary>
/// <param name="Host">Where files come from.</param>
/// <param name="File">How the top image's file is opened; the files below are opened read-only with the same cache mode.</param>
public sealed record ImageOpenSettings(FileHost Host, FileOpenOptions File)
{
    /// <summary>Whether the backing chain is opened too; without it, unallocated runs read as zeroes.</summary>
    public bool OpenBacking { get; init; } = true;

    /// <summary>Whether only metadata is wanted; see <see cref="OpenContext.MetadataOnly"/>.</summary>
    public bool MetadataOnly { get; init; }

    /// <summary>Whether the image is opened to be checked; see <see cref="OpenContext.ForCheck"/>.</summary>
    public bool ForCheck { get; init; }

    /// <summary>Where the passwords of encrypted images are.</summary>
    public SecretSource Secrets { get; init; } = SecretAccess.None;

    /// <summary>Decides which files named inside images may be opened.</summary>
    public OpenGate Gate { get; init; } = OpenGate.AllowAll;

    /// <summary>Receives warnings, one each, possibly of several lines.</summary>
    public Action<string> Warn { get; init; } = _ => { };
}
