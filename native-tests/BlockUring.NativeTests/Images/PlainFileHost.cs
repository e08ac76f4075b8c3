using BlockUring.Native.Interop;
using BlockUring.Native.Memory;
using BlockUring.Storage;

namespace BlockUring.NativeTests.Images;

/// <summary>The host's files as <see cref="PlainFile"/>.</summary>
internal sealed class PlainFileHost(BufferPool buffers) : FileHost
{
    public override BufferPool Buffers => buffers;

    public override bool Exists(string path) => File.Exists(path);

    public override ValueTask<BlockFile> OpenAsync(string path, FileOpenOptions options) =>
        File.Exists(path)
            ? new(new PlainFile(buffers, path, options.ReadOnly))
            : throw BlockException.FromErrno(Errno.ENOENT, "Could not open", path);

    public override async ValueTask<BlockFile> CreateAsync(string path, long length, PreallocationMode preallocation, FileOpenOptions options)
    {
        var file = new PlainFile(buffers, path, readOnly: false, create: true);
        await file.SetLengthAsync(length, preallocation);
        return file;
    }
}
