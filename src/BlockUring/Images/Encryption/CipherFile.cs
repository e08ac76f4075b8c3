using System.Runtime.CompilerServices;
using BlockUring.Native.Memory;
using BlockUring.Storage;

namespace BlockUring.Images.Encryption;

/// <summary>
/// A file as it is behind its encryption: what is read is decrypted in the reader's buffer, what is written is encrypted into one other buffer.
/// Offsets are those of the file below.
/// </summary>
/// <remarks>What was never written reads as anything: zeroes below are no zeroes here.</remarks>
internal sealed class CipherFile : BlockFile
{
    private const int SectorLength = SectorCipher.SectorLength;

    private const int MaxBounce = 1 << 20;

    private readonly BlockFile file;
    private readonly CipherWorkers workers;
    private readonly long start;

    /// <param name="file">The file with what is encrypted; the caller's.</param>
    /// <param name="workers">What encrypts; the caller's.</param>
    /// <param name="start">The offset of sector 0, a multiple of a sector; may be negative.</param>
    public CipherFile(BlockFile file, CipherWorkers workers, long start = 0)
    {
        this.file = file;
        this.workers = workers;
        this.start = start;
        Limits = file.Limits with { RequestAlignment = Math.Max(SectorLength, file.Limits.RequestAlignment) };
    }

    public override string Path => file.Path;

    public override long Length => file.Length;

    public override bool IsReadOnly => file.IsReadOnly;

    public override BlockLimits Limits { get; }

    public override BufferPool Buffers => file.Buffers;

    public override bool CanGrow => file.CanGrow;

    public override long AllocatedBytes => file.AllocatedBytes;

    public override ValueTask ReadAsync(long offset, IoMemory destination) => IsWhole(offset, destination.Length)
        ? ReadSectorsAsync(offset, destination)
        : ReadPartAsync(offset, destination);

    public override ValueTask WriteAsync(long offset, IoMemory source) => IsWhole(offset, source.Length)
        ? WriteSectorsAsync(offset, source)
        : WritePartAsync(offset, source);

    [AsyncMethodBuilder(typeof(PooledTaskBuilder))]
    public override async ValueTask WriteZeroesAsync(long offset, long length, bool mayUnmap)
    {
        if (length == 0)
            return;
        using var zeroes = Buffers.Rent((int)Math.Min(length, MaxBounce));
        zeroes.Span.Clear();
        while (length > 0)
        {
            var part = (int)Math.Min(length, zeroes.Length);
            await WriteAsync(offset, zeroes.Memory.Slice(0, part));
            offset += part;
            length -= part;
        }
    }

    /// <summary>Does nothing: what is given back would read as noise.</summary>
    public override ValueTask DiscardAsync(long offset, long length) => ValueTask.CompletedTask;

    public override ValueTask FlushAsync() => file.FlushAsync();

    public override ValueTask SetLengthAsync(long length, PreallocationMode preallocation = PreallocationMode.Off) =>
        file.SetLengthAsync(length, preallocation);

    public override ValueTask<FileExtent> GetExtentAsync(long offset, long maxLength) => new(new FileExtent(maxLength, false));

    public override void Announce(string step) => file.Announce(step);

    private static bool IsWhole(long offset, int length) => ((offset | (long)length) & (SectorLength - 1)) == 0;

    private long SectorAt(long offset) => (offset - start) / SectorLength;

    [AsyncMethodBuilder(typeof(PooledTaskBuilder))]
    private async ValueTask ReadSectorsAsync(long offset, IoMemory destination)
    {
        await file.ReadAsync(offset, destination);
        await workers.DecryptAsync(destination, SectorAt(offset));
    }

    [AsyncMethodBuilder(typeof(PooledTaskBuilder))]
    private async ValueTask WriteSectorsAsync(long offset, IoMemory source)
    {
        using var bounce = Buffers.Rent(Math.Max(1, Math.Min(source.Length, MaxBounce)));
        while (source.Length > 0)
        {
            var part = Math.Min(source.Length, bounce.Length);
            var encrypted = bounce.Memory.Slice(0, part);
            await workers.EncryptAsync(source.Slice(0, part), encrypted, SectorAt(offset));
            await file.WriteAsync(offset, encrypted);
            offset += part;
            source = source.Slice(part);
        }
    }

    [AsyncMethodBuilder(typeof(PooledTaskBuilder))]
    private async ValueTask ReadPartAsync(long offset, IoMemory destination)
    {
        while (destination.Length > 0)
        {
            var head = (int)(offset & (SectorLength - 1));
            var part = Math.Min(destination.Length, MaxBounce - head);
            using var whole = Buffers.Rent(RoundUp(head + part));
            await ReadSectorsAsync(offset - head, whole.Memory);
            whole.Span.Slice(head, part).CopyTo(destination.Span);
            offset += part;
            destination = destination.Slice(part);
        }
    }

    // Sectors written in part are read, changed and written under a lock: two requests may share one.
    [AsyncMethodBuilder(typeof(PooledTaskBuilder))]
    private async ValueTask WritePartAsync(long offset, IoMemory source)
    {
        var held = await workers.Edges.AcquireAsync(offset & -SectorLength, (offset + source.Length + SectorLength - 1) & -SectorLength);
        try
        {
            while (source.Length > 0)
            {
                var head = (int)(offset & (SectorLength - 1));
                var part = Math.Min(source.Length, MaxBounce - head);
                using var whole = Buffers.Rent(RoundUp(head + part));
                if (head > 0)
                    await ReadSectorsAsync(offset - head, whole.Memory.Slice(0, SectorLength));
                if (head + part < whole.Length && (head == 0 || whole.Length > SectorLength))
                    await ReadSectorsAsync(offset - head + whole.Length - SectorLength, whole.Memory.Slice(whole.Length - SectorLength));
                source.Span[..part].CopyTo(whole.Span[head..]);
                await WriteSectorsAsync(offset - head, whole.Memory);
                offset += part;
                source = source.Slice(part);
            }
        }
        finally
        {
            workers.Edges.Release(held);
        }
    }

    private static int RoundUp(int length) => (length + SectorLength - 1) & -SectorLength;
}
