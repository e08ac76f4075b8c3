using BlockUring.Native.Memory;

namespace BlockUring.Storage;

/// <summary>Where files come from: the host's file systems and devices, or a test's memory.</summary>
public abstract class FileHost
{
    /// <summary>The most entries that a directory may have to be listed.</summary>
    public const int MaxListed = 1 << 16;

    /// <summary>Buffers for the I/O of files opened here.</summary>
    public abstract BufferPool Buffers { get; }

    /// <summary>The kinds of files that are reached otherwise than by a path.</summary>
    public IReadOnlyList<FileProtocol> Protocols { get; init; } = [];

    /// <summary>The protocol that a file's name is one of; null for a path.</summary>
    public FileProtocol? ProtocolOf(string name)
    {
        foreach (var protocol in Protocols)
        {
            if (protocol.Owns(name))
                return protocol;
        }

        return null;
    }

    /// <summary>The protocol of a driver; null for none.</summary>
    public FileProtocol? FindProtocol(string driver)
    {
        foreach (var protocol in Protocols)
        {
            if (protocol.Driver == driver)
                return protocol;
        }

        return null;
    }

    /// <summary>Opens an existing file or block device.</summary>
    /// <exception cref="BlockException">"Could not open 'PATH': reason".</exception>
    public abstract ValueTask<BlockFile> OpenAsync(string path, FileOpenOptions options);

    /// <summary>Makes a regular file of the given length, or empties an existing one; a block device is opened as it is.</summary>
    /// <param name="path">The file.</param>
    /// <param name="length">Bytes.</param>
    /// <param name="preallocation">How its space is reserved.</param>
    /// <param name="options">How it is opened; <see cref="FileOpenOptions.ReadOnly"/> must be false.</param>
    /// <exception cref="BlockException">"Could not create 'PATH': reason".</exception>
    public abstract ValueTask<BlockFile> CreateAsync(string path, long length, PreallocationMode preallocation, FileOpenOptions options);

    /// <summary>Whether something of that name exists.</summary>
    public abstract bool Exists(string path);

    /// <summary>The regular files of a directory, by names that begin with that of the directory.</summary>
    /// <exception cref="BlockException">The directory cannot be read, or has more than <see cref="MaxListed"/> entries.</exception>
    public virtual IReadOnlyList<string> ListFiles(string directory) => throw new NotSupportedException("This host has no directories.");

    /// <summary>Whether two paths lead to one and the same file.</summary>
    public virtual bool AreSame(string path, string other) => path == other;
}
