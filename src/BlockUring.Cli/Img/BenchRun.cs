using BlockUring.Images;
using BlockUring.Native.Interop;
using BlockUring.Native.Memory;
using BlockUring.Storage;

namespace BlockUring.Cli.Img;

/// <summary>The requests of one `img bench`: a fixed number of loops, each with one request in flight.</summary>
internal sealed class BenchRun
{
    private readonly Image image;
    private readonly BenchSettings settings;
    private readonly List<Task> flushes = [];
    private long nextOffset;
    private int unsent;

    /// <summary>Prepares the requests.</summary>
    public BenchRun(Image image, BenchSettings settings)
    {
        this.image = image;
        this.settings = settings;
        nextOffset = settings.Offset;
        unsent = settings.Count;
    }

    /// <summary>Sends all requests and waits for them.</summary>
    /// <exception cref="BlockException">One of them failed.</exception>
    public async ValueTask RunAsync()
    {
        var depth = Math.Min(settings.Depth, settings.Count);
        if (depth == 0)
            return;
        using var buffer = image.Buffers.Rent(Math.Max(1, checked(depth * settings.BufferLength)));
        buffer.Span.Fill(settings.Pattern);
        while (unsent > 0)
        {
            // With flushes that wait, the requests between two flushes are one round; without, there is one round only.
            var last = settings.FlushInterval > 0 && settings.DrainsOnFlush ? (unsent - 1) / settings.FlushInterval * settings.FlushInterval : 0;
            var loops = new Task[depth];
            for (var i = 0; i < depth; i++)
                loops[i] = SendAsync(buffer.Memory.Slice(i * settings.BufferLength, settings.BufferLength), last);
            await Task.WhenAll(loops);
            if (settings.FlushInterval > 0 && settings.DrainsOnFlush)
                await image.FlushAsync();
        }

        await Task.WhenAll(flushes);
    }

    private async Task SendAsync(IoMemory memory, int last)
    {
        while (unsent > last)
        {
            unsent--;
            var offset = nextOffset;
            nextOffset = image.Length == 0 ? 0 : (nextOffset + settings.Step) % image.Length;
            if (offset > image.Length - memory.Length)
                throw BlockException.FromErrno(Errno.EIO, "Could not access", image.FileName, offset);
            if (settings.IsWrite)
                await image.WriteAsync(offset, memory);
            else
                await image.ReadAsync(offset, memory);
            if (settings.FlushInterval > 0 && !settings.DrainsOnFlush && unsent % settings.FlushInterval == 0)
                flushes.Add(image.FlushAsync().AsTask());
        }
    }
}
