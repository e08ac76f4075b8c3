using BlockUring.Native.Interop;

namespace BlockUring.Storage;

/// <summary>
/// A kind of files that are reached otherwise than through the host's file systems: over a network. Known to the <see cref="FileHost"/>, so that it
/// can be had wherever a file can.
/// </summary>
/// <remarks>Options go by dotted name ("server.path") with text as values, as QEMU's block layer has them.</remarks>
public abstract class FileProtocol
{
    private const int HeadLength = 512;

    /// <summary>The driver's name, in QEMU's words: "nbd".</summary>
    public abstract string Driver { get; }

    /// <summary>Whether a file's name is one of this protocol, by how it begins.</summary>
    public abstract bool Owns(string name);

    /// <summary>The options that a name stands for, without the driver's.</summary>
    /// <exception cref="BlockException">The name is malformed.</exception>
    public abstract IReadOnlyDictionary<string, string> ParseName(string name);

    /// <summary>Opens a file by its name, to be filled: it must be long enough, and what begins it is not taken for an image any more.</summary>
    /// <param name="name">See <see cref="Owns"/>.</param>
    /// <param name="length">Bytes that it must have.</param>
    /// <param name="how">How it is opened.</param>
    /// <exception cref="BlockException">Why not.</exception>
    public async ValueTask<BlockFile> OpenForFillingAsync(string name, long length, FileOpenOptions how)
    {
        var file = await OpenAsync(new Dictionary<string, string>(ParseName(name)), how);
        try
        {
            await file.SetLengthAsync(length);
            await ClearHeadAsync(file);
            return file;
        }
        catch
        {
            await file.DisposeAsync();
            throw;
        }
    }

    /// <summary>Opens a file.</summary>
    /// <param name="options">What the driver knows of is taken out; the caller looks at what is left.</param>
    /// <param name="how">How it is opened.</param>
    /// <exception cref="BlockException">Why not, in QEMU's words.</exception>
    public abstract ValueTask<BlockFile> OpenAsync(IDictionary<string, string> options, FileOpenOptions how);

    private static async ValueTask ClearHeadAsync(BlockFile file)
    {
        try
        {
            await file.WriteZeroesAsync(0, Math.Min(HeadLength, file.Length), mayUnmap: true);
        }
        catch (BlockException e)
        {
            var reason = e.ErrorNumber > 0 ? Errno.Message(e.ErrorNumber) : e.Message;
            throw new BlockException(e.Kind, $"Failed to clear the new image's first sector: {reason}", e.ErrorNumber, e);
        }
    }
}
