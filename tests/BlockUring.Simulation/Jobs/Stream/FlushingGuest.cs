using BlockUring.Graph;
using BlockUring.Images;
using BlockUring.Simulation.Images;

namespace BlockUring.Simulation.Jobs.Stream;

/// <summary>A guest that knows what it has been promised to find again after a power cut. Several may write, no two at once to one place.</summary>
internal sealed class FlushingGuest(SimulatedScheduler scheduler, DiskUser user, GuestModel model, List<(long Start, long End)> inFlight, int seed)
{
    private readonly Random random = new(seed);

    public async Task RunAsync(int count)
    {
        while (count-- > 0)
        {
            if (random.Next(4) == 0)
                await scheduler.DelayAsync(TimeSpan.FromMilliseconds(random.Next(20)));
            var start = random.NextInt64(model.Length);
            var end = Math.Min(model.Length, start + random.NextInt64(1, random.Next(3) == 0 ? 300_000 : 40_000));
            if (random.Next(2) == 0)
                (start, end) = (start & -65536, Math.Min(model.Length, (start & -65536) + 65536));
            if (random.Next(6) == 0)
                await FlushAsync();
            else if (inFlight.Exists(r => r.Start < end && start < r.End))
                await scheduler.YieldAsync();
            else
                await RunAloneAsync(start, end);
        }
    }

    private async Task RunAloneAsync(long start, long end)
    {
        inFlight.Add((start, end));
        if (random.Next(4) == 0)
            await ReadAsync(start, (int)(end - start));
        else
            await WriteAsync(start, (int)(end - start), isZero: random.Next(4) == 0);
        inFlight.Remove((start, end));
    }

    private async Task WriteAsync(long start, int length, bool isZero)
    {
        var bytes = new byte[length];
        if (!isZero)
            bytes.AsSpan().Fill((byte)random.Next(1, 256));
        using var buffer = scheduler.Buffers.Rent(length);
        bytes.CopyTo(buffer.Span);
        var flags = random.Next(2) == 0 ? WriteFlags.MayUnmap : WriteFlags.None;
        await user.RunAsync(async node =>
        {
            var write = model.Begin(start, bytes);
            await (isZero ? node.WriteZeroesAsync(start, length, flags) : node.WriteAsync(start, buffer.Memory));
            write.IsDone = true;
        });
    }

    private async Task FlushAsync()
    {
        await user.RunAsync(async node =>
        {
            var writes = model.Completed();
            await node.FlushAsync();
            model.Flushed(writes);
        });
    }

    private async Task ReadAsync(long start, int length)
    {
        using var buffer = scheduler.Buffers.Rent(length);
        await user.ReadAsync(start, buffer.Memory);
        if (!buffer.Span.SequenceEqual(model.Content.Slice((int)start, length)))
            throw new InvalidOperationException($"The guest reads something else than was written in {length} bytes at {start}.");
    }
}
