using BlockUring.Images.Encryption;
using BlockUring.Storage;

namespace BlockUring.Images;

/// <summary>What a new image is to be.</summary>
/// <param name="Path">The file to make, or the block device to use.</param>
/// <param name="Length">Guest size in bytes.</param>
/// <param name="Options">Creation options by name, values as text ("cluster_size" = "128k"); the backing file is "backing_file", its format "backing_fmt".</param>
public sealed record CreateRequest(string Path, long Length, IReadOnlyDictionary<string, string> Options)
{
    /// <summary>How the new file is opened for writing its metadata.</summary>
    public FileOpenOptions File { get; init; } = new(ReadOnly: false);

    /// <summary>Where the passwords of encrypted images are.</summary>
    public SecretSource Secrets { get; init; } = SecretAccess.None;

    /// <summary>The text of an option, or null when it was not given.</summary>
    public string? Option(string name) => Options.GetValueOrDefault(name);
}
