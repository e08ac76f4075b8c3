using BlockUring.Native.Interop;
using BlockUring.Native.Memory;
using BlockUring.Storage;
using Microsoft.Win32.SafeHandles;

namespace BlockUring.Cli.Img;

/// <summary>Files by plain system calls, until the ring's file host is there.</summary>
internal sealed class StandInFileHost(BufferPool buffers) : FileHost
{
    public override BufferPool Buffers { get; } = buffers;

    public override bool Exists(string path) => File.Exists(path);

    public override ValueTask<BlockFile> OpenAsync(string path, FileOpenOptions options) =>
        new(new StandInFile(Open(path, FileMode.Open, options.ReadOnly ? FileAccess.Read : FileAccess.ReadWrite, "Could not open"), path, options.ReadOnly, Buffers));

    public override ValueTask<BlockFile> CreateAsync(string path, long length, PreallocationMode preallocation, FileOpenOptions options)
    {
        var handle = Open(path, FileMode.Create, FileAccess.ReadWrite, "Could not create");
        try
        {
            RandomAccess.SetLength(handle, length);
        }
        catch (Exception e) when (e is IOException or ArgumentOutOfRangeException)
        {
            handle.Dispose();
            throw BlockException.FromErrno(Errno.EFBIG, "Could not resize", path);
        }

        return new(new StandInFile(handle, path, false, Buffers));
    }

    private static SafeFileHandle Open(string path, FileMode mode, FileAccess access, string operation)
    {
        try
        {
            return File.OpenHandle(path, mode, access, FileShare.ReadWrite | FileShare.Delete);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException)
        {
            var errno = e switch
            {
                FileNotFoundException or DirectoryNotFoundException => Errno.ENOENT,
                UnauthorizedAccessException => Directory.Exists(path) ? Errno.EISDIR : Errno.EACCES,
                IOException io => io.HResult,
                _ => Errno.EINVAL,
            };
            throw BlockException.FromErrno(errno, operation, path);
        }
    }

    private sealed class StandInFile(SafeFileHandle handle, string path, bool readOnly, BufferPool buffers) : BlockFile
    {
        public override string Path => path;

        public override long Length => RandomAccess.GetLength(handle);

        public override bool IsReadOnly => readOnly;

        public override BlockLimits Limits { get; } = new();

        public override BufferPool Buffers => buffers;

        public override ValueTask ReadAsync(long offset, IoMemory destination)
        {
            var span = destination.Span;
            while (span.Length > 0)
            {
                var count = RandomAccess.Read(handle, span, offset);
                if (count == 0)
                    span.Clear();
                span = span[(count == 0 ? span.Length : count)..];
                offset += count;
            }

            return ValueTask.CompletedTask;
        }

        public override ValueTask WriteAsync(long offset, IoMemory source)
        {
            RandomAccess.Write(handle, source.Span, offset);
            return ValueTask.CompletedTask;
        }

        public override ValueTask WriteZeroesAsync(long offset, long length, bool mayUnmap)
        {
            RandomAccess.Write(handle, new byte[length], offset);
            return ValueTask.CompletedTask;
        }

        public override ValueTask DiscardAsync(long offset, long length) => ValueTask.CompletedTask;

        public override ValueTask FlushAsync()
        {
            RandomAccess.FlushToDisk(handle);
            return ValueTask.CompletedTask;
        }

        public override ValueTask SetLengthAsync(long length, PreallocationMode preallocation = PreallocationMode.Off)
        {
            RandomAccess.SetLength(handle, length);
            return ValueTask.CompletedTask;
        }

        protected override ValueTask CloseAsync()
        {
            handle.Dispose();
            return ValueTask.CompletedTask;
        }
    }
}
