using System.Runtime.CompilerServices;
using BlockUring.Native.Codecs;
using BlockUring.Native.Memory;
using BlockUring.Native.Uring;
using BlockUring.Storage;

namespace BlockUring.Images.Qcow2;

/// <summary>Reads compressed clusters: whole ones straight into the caller's buffer, parts through the last cluster kept unpacked.</summary>
internal sealed class CompressedReader : IDisposable
{
    // Why: the way to a worker and back takes longer than unpacking a few KiB.
    private const int MinOffloadLength = 8192;

    // Why: 1 MiB of a guest disk comes from about as many bytes; one read instead of sixteen.
    private const int SharedLength = 512 << 10;

    private readonly BlockFile file;
    private readonly Qcow2Geometry geometry;
    private readonly CodecPool codecs;
    private readonly Stack<DecompressionJob> idleJobs = new();
    private IoBuffer? kept;
    private int generation;
    private CompressedDescriptor keptDescriptor;
    private PackedWindow? shared;
    private long nextStart;

    public CompressedReader(BlockFile file, Qcow2Geometry geometry, CompressionType compression)
    {
        this.file = file;
        this.geometry = geometry;
        codecs = new CodecPool(compression);
    }

    /// <summary>Reads part of the cluster that an L2 entry describes.</summary>
    /// <param name="entry">The L2 entry, as <see cref="MapScan"/> gave it.</param>
    /// <param name="guestOffset">The first guest byte wanted.</param>
    /// <param name="destination">Not beyond the cluster's end.</param>
    /// <exception cref="BlockException">The bytes cannot be read, or are no compressed cluster.</exception>
    public ValueTask ReadAsync(ulong entry, long guestOffset, IoMemory destination)
    {
        var descriptor = CompressedDescriptor.Decode(entry, geometry.ClusterBits);
        var within = (int)geometry.OffsetInCluster(guestOffset);
        if (kept != null && descriptor == keptDescriptor)
        {
            kept.Span.Slice(within, destination.Length).CopyTo(destination.Span);
            return ValueTask.CompletedTask;
        }

        if (descriptor.HostOffset > Qcow2Limits.MaxHostOffset || descriptor.HostOffset >= file.Length)
            throw Damaged(guestOffset, descriptor);
        return destination.Length == geometry.ClusterLength
            ? UnpackAsync(descriptor, guestOffset, destination)
            : ReadPartAsync(descriptor, guestOffset, destination);
    }

    /// <summary>Forgets the cluster kept; to be called when compressed clusters are written or freed.</summary>
    public void Forget()
    {
        generation++;
        Drop();
        Share(null);
    }

    public void Dispose()
    {
        Forget();
        codecs.Dispose();
    }

    [AsyncMethodBuilder(typeof(PooledTaskBuilder))]
    private async ValueTask ReadPartAsync(CompressedDescriptor descriptor, long guestOffset, IoMemory destination)
    {
        var cluster = file.Buffers.Rent(geometry.ClusterLength);
        var asked = generation;
        try
        {
            await UnpackAsync(descriptor, guestOffset, cluster.Memory);
        }
        catch
        {
            cluster.Dispose();
            throw;
        }

        cluster.Span.Slice((int)geometry.OffsetInCluster(guestOffset), destination.Length).CopyTo(destination.Span);
        // Why: what was freed meanwhile must not be taken for what is put there next.
        if (asked != generation)
        {
            cluster.Dispose();
            return;
        }

        Drop();
        (kept, keptDescriptor) = (cluster, descriptor);
    }

    [AsyncMethodBuilder(typeof(PooledTaskBuilder))]
    private async ValueTask UnpackAsync(CompressedDescriptor descriptor, long guestOffset, IoMemory cluster)
    {
        var window = WindowFor(descriptor);
        try
        {
            await window.Arrival;
            if (!await DecompressAsync(window.BytesOf(descriptor), cluster))
                throw Damaged(guestOffset, descriptor);
        }
        finally
        {
            window.Leave();
        }
    }

    // Clusters that follow each other on the host, as a copy reads them, share large reads; others are read alone.
    private PackedWindow WindowFor(CompressedDescriptor descriptor)
    {
        // Why only read-only: what is appended to an image being written gets into the file later, behind the back of what was read ahead.
        var follows = file.IsReadOnly
            && descriptor.HostOffset >= nextStart - CompressedDescriptor.SectorLength
            && descriptor.HostOffset <= nextStart + CompressedDescriptor.SectorLength;
        nextStart = descriptor.HostOffset + descriptor.Length;
        if (shared is { } current && current.Covers(descriptor))
        {
            current.Enter();
            return current;
        }

        // Why: aligned requests need no bounce buffer below; the rest of the sectors is read anyway.
        var alignment = file.Limits.RequestAlignment;
        var start = descriptor.HostOffset & -(long)alignment;
        var end = follows ? Math.Max(nextStart, Math.Min(start + SharedLength, file.Length)) : nextStart;
        var window = PackedWindow.Read(file, start, (int)(((end + alignment - 1) & -(long)alignment) - start));
        if (follows)
            Share(window);
        return window;
    }

    private void Share(PackedWindow? window)
    {
        shared?.Leave();
        shared = window;
        window?.Enter();
    }

    [AsyncMethodBuilder(typeof(PooledTaskBuilder<>))]
    private async ValueTask<bool> DecompressAsync(IoMemory packed, IoMemory cluster)
    {
        if (!idleJobs.TryPop(out var job))
            job = new DecompressionJob(codecs);
        job.Prepare(packed, cluster);
        if (IoThread.CurrentOrNull is { } thread && cluster.Length >= MinOffloadLength)
            await thread.OffloadAsync(job);
        else
            job.RunHere();
        var isWhole = job.IsWhole;
        idleJobs.Push(job);
        return isWhole;
    }

    private void Drop()
    {
        kept?.Dispose();
        kept = null;
    }

    private BlockException Damaged(long guestOffset, CompressedDescriptor descriptor) => Qcow2Errors.Corrupt(
        file.Path, guestOffset, $"the compressed cluster at guest offset {guestOffset & -(long)geometry.ClusterLength} (host offset {descriptor.HostOffset}) cannot be decompressed");
}
