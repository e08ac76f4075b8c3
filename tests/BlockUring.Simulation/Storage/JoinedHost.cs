using BlockUring.Native.Memory;
using BlockUring.Storage;

namespace BlockUring.Simulation.Storage;

/// <summary>Several hosts as one: a file is where it exists.</summary>
internal sealed class JoinedHost(params SimulatedHost[] parts) : FileHost
{
    public override BufferPool Buffers => parts[0].Buffers;

    public override bool Exists(string path) => parts.Any(p => p.Exists(path));

    public override ValueTask<BlockFile> OpenAsync(string path, FileOpenOptions options) =>
        (parts.FirstOrDefault(p => p.Exists(path)) ?? parts[0]).OpenAsync(path, options);

    public override ValueTask<BlockFile> CreateAsync(string path, long length, PreallocationMode preallocation, FileOpenOptions options) =>
        throw new NotSupportedException("Images are made in plain memory.");
}
