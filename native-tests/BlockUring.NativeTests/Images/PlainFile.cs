using System.Globalization;
using System.Runtime.InteropServices;
using BlockUring.Native.Memory;
using BlockUring.Storage;
using Microsoft.Win32.SafeHandles;

namespace BlockUring.NativeTests.Images;

/// <summary>A host file by plain blocking system calls, so that formats are tested apart from the ring.</summary>
internal sealed partial class PlainFile : BlockFile
{
    private const int SeekData = 3;
    private const int SeekHole = 4;

    private readonly SafeFileHandle handle;
    private readonly bool isFresh;

    public PlainFile(BufferPool buffers, string path, bool readOnly, bool create = false)
    {
        Buffers = buffers;
        Path = path;
        IsReadOnly = readOnly;
        isFresh = create;
        handle = File.OpenHandle(
            path, create ? FileMode.Create : FileMode.Open, readOnly ? FileAccess.Read : FileAccess.ReadWrite, FileShare.ReadWrite);
    }

    public override string Path { get; }

    public override long Length => RandomAccess.GetLength(handle);

    public override bool IsReadOnly { get; }

    public override bool IsFresh => isFresh;

    public override BlockLimits Limits { get; } = new(512, 512);

    public override BufferPool Buffers { get; }

    public override long AllocatedBytes =>
        512 * long.Parse(Tool.RunAsync("stat", "-c", "%b", Path).GetAwaiter().GetResult(), CultureInfo.InvariantCulture);

    public override ValueTask ReadAsync(long offset, IoMemory destination)
    {
        var span = destination.Span;
        while (span.Length > 0)
        {
            var count = RandomAccess.Read(handle, span, offset);
            if (count == 0)
            {
                span.Clear();
                break;
            }

            span = span[count..];
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
        for (var zeroes = new byte[65536]; length > 0; length -= zeroes.Length, offset += zeroes.Length)
            RandomAccess.Write(handle, zeroes.AsSpan(0, (int)Math.Min(length, zeroes.Length)), offset);
        return ValueTask.CompletedTask;
    }

    public override ValueTask DiscardAsync(long offset, long length) => ValueTask.CompletedTask;

    public override ValueTask FlushAsync() => ValueTask.CompletedTask;

    public override ValueTask SetLengthAsync(long length, PreallocationMode preallocation = PreallocationMode.Off)
    {
        var old = Length;
        RandomAccess.SetLength(handle, length);
        return preallocation is PreallocationMode.Falloc or PreallocationMode.Full
            ? WriteZeroesAsync(old, length - old, false)
            : ValueTask.CompletedTask;
    }

    public override ValueTask<FileExtent> GetExtentAsync(long offset, long maxLength)
    {
        var length = Length;
        if (offset >= length)
            return new(new FileExtent(maxLength, true));
        var data = Seek(handle, offset, SeekData);
        if (data < 0)
            data = length;
        return data > offset
            ? new(new FileExtent(Math.Min(maxLength, data - offset), true))
            : new(new FileExtent(Math.Min(maxLength, Seek(handle, offset, SeekHole) - offset), false));
    }

    protected override ValueTask CloseAsync()
    {
        handle.Dispose();
        return ValueTask.CompletedTask;
    }

    [LibraryImport("libc", EntryPoint = "lseek")]
    private static partial long Seek(SafeFileHandle file, long offset, int whence);
}
