using BlockUring.Native.Interop;
using BlockUring.Native.Memory;
using BlockUring.Native.Uring;
using BlockUring.Storage;

namespace BlockUring.NativeTests.Copy;

/// <summary>A file in memory whose requests end some turns of the I/O thread later; the k-th of all files with one counter fails.</summary>
internal sealed class UnsteadyFile(IoThread thread, MemoryFile content, UnsteadyFile.Counter counter) : BlockFile
{
    public override string Path => content.Path;

    public override long Length => content.Length;

    public override bool IsReadOnly => false;

    public override BlockLimits Limits { get; } = new(512);

    public override BufferPool Buffers => content.Buffers;

    public override async ValueTask ReadAsync(long offset, IoMemory destination)
    {
        await PassAsync("Could not read");
        await content.ReadAsync(offset, destination);
    }

    public override async ValueTask WriteAsync(long offset, IoMemory source)
    {
        await PassAsync("Could not write");
        await content.WriteAsync(offset, source);
    }

    public override async ValueTask WriteZeroesAsync(long offset, long length, bool mayUnmap)
    {
        await PassAsync("Could not write");
        await content.WriteZeroesAsync(offset, length, mayUnmap);
    }

    public override ValueTask DiscardAsync(long offset, long length) => ValueTask.CompletedTask;

    public override ValueTask FlushAsync() => PassAsync("Could not flush");

    public override async ValueTask SetLengthAsync(long length, PreallocationMode preallocation = PreallocationMode.Off)
    {
        await PassAsync("Could not resize");
        await content.SetLengthAsync(length);
    }

    public override async ValueTask<FileExtent> GetExtentAsync(long offset, long maxLength)
    {
        await PassAsync("Could not map");
        return await content.GetExtentAsync(offset, maxLength);
    }

    private async ValueTask PassAsync(string operation)
    {
        var fails = ++counter.Count == counter.FailAt;
        for (var turns = counter.Random.Next(4); turns > 0; turns--)
            await thread.YieldAsync();
        if (fails)
            throw BlockException.FromErrno(counter.FailAt % 2 == 0 ? Errno.EIO : Errno.ENOSPC, operation, Path, 0);
    }

    internal sealed class Counter(int seed)
    {
        public Random Random { get; } = new(seed);

        public int Count { get; set; }

        public int FailAt { get; set; }
    }
}
