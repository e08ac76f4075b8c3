using BlockUring.Native.Memory;
using BlockUring.Native.Uring;

namespace BlockUring.Images.Encryption;

/// <summary>Encrypts or decrypts the sectors of one request, on a worker thread or here; reused.</summary>
internal sealed class CipherJob(SectorKey key) : WorkItem, IDisposable
{
    private readonly SectorCipher cipher = key.CreateCipher();
    private IoMemory source;
    private IoMemory destination;
    private long firstSector;
    private bool encrypts;

    /// <summary>The next run encrypts; both buffers are borrowed until it has ended.</summary>
    public void PrepareToEncrypt(IoMemory from, IoMemory to, long sector) => (source, destination, firstSector, encrypts) = (from, to, sector, true);

    /// <summary>The next run decrypts in place; the buffer is borrowed until it has ended.</summary>
    public void PrepareToDecrypt(IoMemory sectors, long sector) => (destination, firstSector, encrypts) = (sectors, sector, false);

    /// <summary>Runs on the calling thread.</summary>
    public void RunHere() => Execute();

    public void Dispose() => cipher.Dispose();

    protected override void Execute()
    {
        if (encrypts)
            cipher.Encrypt(source.Span, destination.Span, firstSector);
        else
            cipher.Decrypt(destination.Span, firstSector);
    }
}
