using System.Runtime.CompilerServices;
using BlockUring.Images;
using BlockUring.Native.Interop;
using BlockUring.Native.Memory;
using BlockUring.Native.Uring;
using BlockUring.Storage;

namespace BlockUring.Jobs;

/// <summary>
/// Reads every sector of a disk, holes included, and does nothing with it: shows how fast the disk can be read, that all of it can be read,
/// and how a job is written.
/// </summary>
public sealed class NullJob : BlockJob
{
    /// <summary>The longest request, in bytes.</summary>
    public const int MaxChunkLength = 1 << 20;

    private const int MaxWorkerCount = 16;

    private readonly GuestDisk disk;
    private readonly JobErrorPolicy onError;
    private readonly long length;
    private long position;

    /// <summary>Makes a job that nobody knows yet: <see cref="JobList.Add"/> is next.</summary>
    /// <param name="scheduler">The thread that owns the disk's I/O.</param>
    /// <param name="settings">What the user wants.</param>
    /// <param name="disk">What to read; stays open until the job has concluded.</param>
    /// <param name="onError">What to do when a read fails.</param>
    public NullJob(Scheduler scheduler, JobSettings settings, GuestDisk disk, JobErrorPolicy onError = JobErrorPolicy.Report)
        : base(scheduler, JobType.Null, settings)
    {
        this.disk = disk;
        this.onError = onError;
        length = disk.Length;
        Progress.SetRemaining(length);
    }

    /// <inheritdoc/>
    protected override ValueTask RunAsync()
    {
        var chunkCount = (length + MaxChunkLength - 1) / MaxChunkLength;
        return RunWorkersAsync((int)Math.Min(MaxWorkerCount, chunkCount), ReadPartsAsync);
    }

    // One worker: takes the next chunk, reads it, takes the next.
    private async ValueTask ReadPartsAsync(int index)
    {
        using var buffer = TryRent(index);
        while (buffer != null && position < length)
        {
            var offset = position;
            var memory = buffer.Memory.Slice(0, (int)Math.Min(MaxChunkLength, length - offset));
            position += memory.Length;
            await WaitForTurnAsync(memory.Length);
            await ReadAsync(offset, memory);
            Progress.Advance(memory.Length);
        }
    }

    [AsyncMethodBuilder(typeof(PooledTaskBuilder))]
    private async ValueTask ReadAsync(long offset, IoMemory memory)
    {
        while (true)
        {
            await EnterAsync();
            try
            {
                await disk.ReadAsync(offset, memory);
                return;
            }
            catch (BlockException e)
            {
                switch (HandleError(onError, isRead: true, e))
                {
                    case JobErrorAction.Report:
                        throw;
                    case JobErrorAction.Ignore:
                        return;
                }
            }
            finally
            {
                Exit();
            }
        }
    }

    // Where memory is short, the job does with fewer workers, but not with none.
    private IoBuffer? TryRent(int index)
    {
        try
        {
            return disk.Buffers.Rent(MaxChunkLength);
        }
        catch (InsufficientMemoryException) when (index > 0)
        {
            return null;
        }
        catch (InsufficientMemoryException e)
        {
            throw new BlockException(BlockErrorKind.Limit, e.Message, Errno.ENOMEM, e);
        }
    }
}
