using System.Runtime.CompilerServices;
using BlockUring.Native.Memory;
using BlockUring.Native.Uring;
using BlockUring.Storage;

namespace BlockUring.Images.Encryption;

/// <summary>Encrypts and decrypts the requests of one image, as many at the same time as there are.</summary>
/// <param name="key">The key, owned from now on.</param>
/// <remarks>One thread only, but for the work itself.</remarks>
internal sealed class CipherWorkers(SectorKey key) : IDisposable
{
    // Why: below this the way to a worker and back takes longer than the work.
    private const int MinOffloadLength = 32 << 10;

    private readonly Stack<CipherJob> idle = new();

    /// <summary>Held by whoever changes parts of sectors.</summary>
    public RangeLock Edges { get; } = new();

    /// <summary>Decrypts whole sectors in their place.</summary>
    /// <param name="sectors">The sectors.</param>
    /// <param name="firstSector">The number of the first.</param>
    public ValueTask DecryptAsync(IoMemory sectors, long firstSector)
    {
        var job = TakeJob();
        job.PrepareToDecrypt(sectors, firstSector);
        return RunAsync(job, sectors.Length);
    }

    /// <summary>Encrypts whole sectors.</summary>
    /// <param name="source">The sectors.</param>
    /// <param name="destination">Receives them encrypted.</param>
    /// <param name="firstSector">The number of the first.</param>
    public ValueTask EncryptAsync(IoMemory source, IoMemory destination, long firstSector)
    {
        var job = TakeJob();
        job.PrepareToEncrypt(source, destination, firstSector);
        return RunAsync(job, source.Length);
    }

    public void Dispose()
    {
        while (idle.TryPop(out var job))
            job.Dispose();
        key.Dispose();
    }

    private CipherJob TakeJob() => idle.TryPop(out var job) ? job : new CipherJob(key);

    private ValueTask RunAsync(CipherJob job, int length)
    {
        if (length >= MinOffloadLength && IoThread.CurrentOrNull is { } thread)
            return RunAsync(job, thread);
        job.RunHere();
        idle.Push(job);
        return ValueTask.CompletedTask;
    }

    [AsyncMethodBuilder(typeof(PooledTaskBuilder))]
    private async ValueTask RunAsync(CipherJob job, IoThread thread)
    {
        await thread.OffloadAsync(job);
        idle.Push(job);
    }
}
