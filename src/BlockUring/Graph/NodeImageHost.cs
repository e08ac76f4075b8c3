using BlockUring.Native.Memory;
using BlockUring.Storage;

namespace BlockUring.Graph;

/// <summary>Nodes in the place of the files that the creation of an image asks for: first its own, then the data file.</summary>
internal sealed class NodeImageHost : FileHost
{
    private readonly Queue<BlockNode> nodes;

    public NodeImageHost(IEnumerable<BlockNode> nodes)
    {
        this.nodes = new Queue<BlockNode>(nodes);
        Buffers = this.nodes.Peek().Buffers;
    }

    public override BufferPool Buffers { get; }

    public override ValueTask<BlockFile> OpenAsync(string path, FileOpenOptions options) =>
        throw new InvalidOperationException("Creating an image opens nothing.");

    public override async ValueTask<BlockFile> CreateAsync(string path, long length, PreallocationMode preallocation, FileOpenOptions options)
    {
        var file = new ChildFile(nodes.Dequeue());
        if (file.CanGrow)
            await file.SetLengthAsync(0);
        await file.SetLengthAsync(length, preallocation);
        return file;
    }

    public override bool Exists(string path) => true;
}
