using BlockUring.Native.Interop;
using BlockUring.Native.Memory;
using BlockUring.Storage;

namespace BlockUring.Tests.Graph;

/// <summary>A file in memory as somebody has opened it: its requests are counted and may be held up.</summary>
internal sealed class TrackedFile(TrackedHost host, MemoryFile inner, FileOpenOptions options) : BlockFile
{
    private readonly List<TaskCompletionSource> waiting = [];

    /// <summary>Whether requests wait until <see cref="Release"/>.</summary>
    public bool IsHeld { get; set; }

    /// <summary>"read 0+512", in order.</summary>
    public List<string> Log { get; } = [];

    /// <summary>The request, counted from now, that fails, once; 0 for none.</summary>
    public int FailsIn { get; set; }

    public FileOpenOptions Options => options;

    public ImagePermissions Needed { get; private set; }

    public ImagePermissions Shared { get; private set; } = (ImagePermissions)15;

    public override string Path => inner.Path;

    public override long Length => inner.Length;

    public override bool IsReadOnly => options.ReadOnly;

    public override BlockLimits Limits => inner.Limits;

    public override BufferPool Buffers => inner.Buffers;

    /// <summary>Lets all requests that wait go on.</summary>
    public void Release()
    {
        IsHeld = false;
        var released = waiting.ToArray();
        waiting.Clear();
        foreach (var source in released)
            source.SetResult();
    }

    public override async ValueTask ReadAsync(long offset, IoMemory destination)
    {
        await PassAsync($"read {offset}+{destination.Length}", false);
        await inner.ReadAsync(offset, destination);
    }

    public override async ValueTask WriteAsync(long offset, IoMemory source)
    {
        await PassAsync($"write {offset}+{source.Length}", true);
        await inner.WriteAsync(offset, source);
    }

    public override async ValueTask WriteZeroesAsync(long offset, long length, bool mayUnmap)
    {
        await PassAsync($"zero {offset}+{length}{(mayUnmap ? " unmap" : "")}", true);
        await inner.WriteZeroesAsync(offset, length, mayUnmap);
    }

    public override async ValueTask DiscardAsync(long offset, long length)
    {
        await PassAsync($"discard {offset}+{length}", true);
        await inner.DiscardAsync(offset, length);
    }

    public override ValueTask FlushAsync() => PassAsync("flush", false);

    public override ValueTask SetLengthAsync(long length, PreallocationMode preallocation = PreallocationMode.Off) =>
        inner.SetLengthAsync(length, preallocation);

    public override ValueTask<FileExtent> GetExtentAsync(long offset, long maxLength) => inner.GetExtentAsync(offset, maxLength);

    public override void SetPermissions(ImagePermissions needed, ImagePermissions shared)
    {
        if (host.LockedPaths.Contains(Path) && ((needed & ~Needed) | (Shared & ~shared)) != 0)
            throw new BlockException(BlockErrorKind.Locked, "Failed to get \"write\" lock");
        (Needed, Shared) = (needed, shared);
    }

    protected override ValueTask CloseAsync()
    {
        Xunit.Assert.True(host.Open.Remove(this), $"{Path} was closed twice");
        return ValueTask.CompletedTask;
    }

    private async ValueTask PassAsync(string request, bool writes)
    {
        Log.Add(request);
        if (IsHeld)
        {
            var source = new TaskCompletionSource();
            waiting.Add(source);
            await source.Task;
        }

        if (FailsIn > 0 && --FailsIn == 0)
            throw BlockException.FromErrno(Errno.ENOSPC, "Could not " + request, Path);
        if (writes && options.ReadOnly)
            throw BlockException.FromErrno(Errno.EBADF, "Could not write", Path);
    }
}
