using BlockUring.Native.Interop;
using BlockUring.Native.Memory;
using BlockUring.Storage;

namespace BlockUring.Tests.Graph;

/// <summary>Files in memory that know how often they are open, and what is locked.</summary>
internal sealed class TrackedHost(BufferPool buffers) : FileHost
{
    private readonly MemoryFileHost inner = new(buffers);

    public override BufferPool Buffers => inner.Buffers;

    /// <summary>The files that are open now.</summary>
    public List<TrackedFile> Open { get; } = [];

    /// <summary>Paths that cannot be opened for writing.</summary>
    public HashSet<string> ReadOnlyPaths { get; } = [];

    /// <summary>Paths for which another process refuses every new permission.</summary>
    public HashSet<string> LockedPaths { get; } = [];

    public TrackedFile this[string path] => Open.Last(f => f.Path == path);

    public void Add(string path, long length) => inner.Add(new MemoryFile(Buffers, path, length));

    public MemoryFile Content(string path) => (MemoryFile)GraphWorld.Done(inner.OpenAsync(path, new FileOpenOptions()));

    public override async ValueTask<BlockFile> OpenAsync(string path, FileOpenOptions options)
    {
        if (!options.ReadOnly && ReadOnlyPaths.Contains(path))
            throw BlockException.FromErrno(Errno.EACCES, "Could not open", path);
        var file = new TrackedFile(this, (MemoryFile)await inner.OpenAsync(path, options), options);
        Open.Add(file);
        return file;
    }

    public override ValueTask<BlockFile> CreateAsync(string path, long length, PreallocationMode preallocation, FileOpenOptions options) =>
        inner.CreateAsync(path, length, preallocation, options);

    public override bool Exists(string path) => inner.Exists(path);
}
