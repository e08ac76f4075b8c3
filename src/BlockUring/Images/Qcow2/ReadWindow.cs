using BlockUring.Native.Memory;
using BlockUring.Storage;

namespace BlockUring.Images.Qcow2;

/// <summary>Small reads at rising offsets of a file, served from one larger read.</summary>
internal sealed class ReadWindow : IDisposable
{
    private readonly BlockFile file;
    private readonly IoBuffer buffer;
    private long start;
    private int length;

    public ReadWindow(BlockFile file, int windowLength)
    {
        this.file = file;
        buffer = file.Buffers.Rent(windowLength);
    }

    /// <summary>Some bytes; valid until the next call. Beyond the end of the file there are zeroes.</summary>
    /// <param name="offset">Bytes.</param>
    /// <param name="count">At most half of the window.</param>
    public async ValueTask<IoMemory> GetAsync(long offset, int count)
    {
        if (offset < start || offset + count > start + length)
        {
            start = offset & -512;
            length = buffer.Length;
            await file.ReadAsync(start, buffer.Memory);
        }

        return buffer.Memory.Slice((int)(offset - start), count);
    }

    /// <summary>Copies any number of bytes.</summary>
    public async ValueTask CopyAsync(long offset, IoMemory destination)
    {
        while (destination.Length > 0)
        {
            var part = Math.Min(destination.Length, buffer.Length / 2);
            var source = await GetAsync(offset, part);
            source.Span.CopyTo(destination.Span);
            offset += part;
            destination = destination.Slice(part);
        }
    }

    public void Dispose() => buffer.Dispose();
}
