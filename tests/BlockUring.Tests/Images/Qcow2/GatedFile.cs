using BlockUring.Native.Interop;
using BlockUring.Native.Memory;
using BlockUring.Storage;

namespace BlockUring.Tests.Images.Qcow2;

/// <summary>A file whose requests wait for the test, and fail where it says.</summary>
internal sealed class GatedFile(MemoryFile inner) : BlockFile
{
    private readonly List<TaskCompletionSource> waiting = [];

    /// <summary>Whether requests wait until <see cref="Release"/>.</summary>
    public bool IsClosed { get; set; }

    public bool Fails { get; set; }

    public List<(long Offset, int Length)> Reads { get; } = [];

    public List<(long Offset, int Length)> Writes { get; } = [];

    public override string Path => inner.Path;

    public override long Length => inner.Length;

    public override bool IsReadOnly => inner.IsReadOnly;

    public override BlockLimits Limits => inner.Limits;

    public override BufferPool Buffers => inner.Buffers;

    public override long AllocatedBytes => inner.Length;

    public override async ValueTask ReadAsync(long offset, IoMemory destination)
    {
        Reads.Add((offset, destination.Length));
        await PassAsync("Could not read", offset);
        await inner.ReadAsync(offset, destination);
    }

    public override async ValueTask WriteAsync(long offset, IoMemory source)
    {
        Writes.Add((offset, source.Length));
        await PassAsync("Could not write", offset);
        await inner.WriteAsync(offset, source);
    }

    /// <summary>Lets all requests that wait go on.</summary>
    public void Release()
    {
        var released = waiting.ToArray();
        waiting.Clear();
        foreach (var source in released)
            source.SetResult();
    }

    public override ValueTask WriteZeroesAsync(long offset, long length, bool mayUnmap) => inner.WriteZeroesAsync(offset, length, mayUnmap);

    public override ValueTask DiscardAsync(long offset, long length) => inner.DiscardAsync(offset, length);

    public override ValueTask FlushAsync() => inner.FlushAsync();

    public override ValueTask SetLengthAsync(long length, PreallocationMode preallocation = PreallocationMode.Off) =>
        inner.SetLengthAsync(length, preallocation);

    private async ValueTask PassAsync(string operation, long offset)
    {
        if (IsClosed)
        {
            var source = new TaskCompletionSource();
            waiting.Add(source);
            await source.Task;
        }

        if (Fails)
            throw BlockException.FromErrno(Errno.EIO, operation, Path, offset);
    }
}
