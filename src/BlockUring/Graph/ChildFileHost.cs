using BlockUring.Native.Memory;
using BlockUring.Storage;

namespace BlockUring.Graph;

/// <summary>What a format opens besides its own file (qcow2's external data file) becomes a node of the graph, too.</summary>
internal sealed class ChildFileHost : FileHost
{
    private readonly NodeOpening opening;

    public ChildFileHost(NodeOpening opening, BlockNode? given)
    {
        this.opening = opening;
        Node = given;
    }

    /// <summary>The node of the further file, null when there is none.</summary>
    public BlockNode? Node { get; private set; }

    /// <summary>The file as the format has it.</summary>
    public ChildFile? Opened { get; private set; }

    public override BufferPool Buffers => opening.Graph.Host.Buffers;

    public override async ValueTask<BlockFile> OpenAsync(string path, FileOpenOptions options)
    {
        Node ??= await opening.FileNodeAsync(path, opening.StorageDefaults());
        return Opened = new ChildFile(Node);
    }

    public override ValueTask<BlockFile> CreateAsync(string path, long length, PreallocationMode preallocation, FileOpenOptions options) =>
        throw new InvalidOperationException("Opening an image creates no files.");

    public override bool Exists(string path) => opening.Graph.Host.Exists(path);

    public override bool AreSame(string path, string other) => opening.Graph.Host.AreSame(path, other);
}
