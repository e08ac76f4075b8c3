using BlockUring.Native.Interop;
using BlockUring.Native.Memory;

namespace BlockUring.Storage;

/// <summary>Files by name in memory, for tests and simulations.</summary>
public sealed class MemoryFileHost : FileHost
{
    private readonly Dictionary<string, MemoryFile> files = new(StringComparer.Ordinal);

    /// <summary>Makes an empty host.</summary>
    public MemoryFileHost(BufferPool buffers) => Buffers = buffers;

    /// <inheritdoc/>
    public override BufferPool Buffers { get; }

    /// <summary>Puts a file under its path.</summary>
    public void Add(MemoryFile file) => files[file.Path] = file;

    /// <inheritdoc/>
    public override bool Exists(string path) => files.ContainsKey(path);

    /// <inheritdoc/>
    public override IReadOnlyList<string> ListFiles(string directory) =>
        [.. files.Keys.Where(k => Path.GetDirectoryName(k) == directory).Order(StringComparer.Ordinal)];

    /// <inheritdoc/>
    public override ValueTask<BlockFile> OpenAsync(string path, FileOpenOptions options) =>
        files.TryGetValue(path, out var file)
            ? new(file)
            : throw BlockException.FromErrno(Errno.ENOENT, "Could not open", path);

    /// <inheritdoc/>
    public override ValueTask<BlockFile> CreateAsync(string path, long length, PreallocationMode preallocation, FileOpenOptions options)
    {
        var file = new MemoryFile(Buffers, path, length);
        Add(file);
        return new(file);
    }
}
