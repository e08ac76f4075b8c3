using BlockUring.Graph;
using BlockUring.Images;
using BlockUring.Storage;

namespace BlockUring.Simulation.Jobs.Backup;

/// <summary>A guest that reads and writes a disk, and keeps the model of it.</summary>
internal sealed class GuestWriter(SimulatedScheduler scheduler, DiskUser user, DiskModel model, int seed)
{
    private readonly Random random = new(seed);

    /// <summary>Whether a request may fail now.</summary>
    public Func<bool> MayFail { get; init; } = () => true;

    /// <summary>Told of every change that is about to be made, and of which node.</summary>
    public Action<BlockNode> Beginning { get; init; } = _ => { };

    public async Task RunAsync(int count)
    {
        while (count-- > 0)
        {
            if (random.Next(4) == 0)
                await scheduler.DelayAsync(TimeSpan.FromMilliseconds(random.Next(20)));
            var (start, end) = Range();
            if (model.Overlaps(start, end))
                await scheduler.YieldAsync();
            else
                await DoAsync(random.Next(12), start, end);
        }
    }

    private Task DoAsync(int what, long start, long end)
    {
        var flags = random.Next(2) == 0 ? WriteFlags.None : WriteFlags.MayUnmap;
        return what switch
        {
            < 6 => WriteAsync(start, Bytes((int)(end - start))),
            < 8 => ChangeAsync(start, end, new byte[end - start], n => n.WriteZeroesAsync(start, end - start, flags)),
            8 => ChangeAsync(start, end, null, n => n.DiscardAsync(start, end - start)),
            9 => FlushAsync(),
            _ => ReadAsync(start, (int)(end - start)),
        };
    }

    private async Task WriteAsync(long start, byte[] bytes)
    {
        using var buffer = scheduler.Buffers.Rent(bytes.Length);
        bytes.CopyTo(buffer.Span);
        await ChangeAsync(start, start + bytes.Length, bytes, n => n.WriteAsync(start, buffer.Memory));
    }

    private async Task ChangeAsync(long start, long end, byte[]? bytes, Func<BlockNode, ValueTask> request)
    {
        model.Begin(start, end);
        await user.RunAsync(Noted);

        // Why inside the user's gate: who drains it goes on as soon as the request has left, before whoever made it.
        async ValueTask Noted(BlockNode node)
        {
            Beginning(node);
            try
            {
                await request(node);
                model.Succeed(start, bytes, end);
            }
            catch (BlockException) when (MayFail())
            {
                model.Fail(start, end);
            }
        }
    }

    private async Task FlushAsync()
    {
        try
        {
            await user.FlushAsync();
        }
        catch (BlockException) when (MayFail())
        {
        }
    }

    private async Task ReadAsync(long start, int length)
    {
        using var buffer = scheduler.Buffers.Rent(length);
        model.Begin(start, start + length);
        try
        {
            await user.ReadAsync(start, buffer.Memory);
        }
        catch (BlockException) when (MayFail())
        {
            model.Pass(start, start + length);
            return;
        }

        model.Pass(start, start + length);
        if (model.Now.FirstDifference(start, buffer.Span) is var at and >= 0)
            throw new InvalidOperationException($"The guest reads something else than was written at {at}.");
    }

    private (long Start, long End) Range()
    {
        var start = random.NextInt64(model.Length);
        var length = random.Next(3) == 0 ? random.NextInt64(1, 300_000) : random.NextInt64(1, 40_000);
        if (random.Next(3) > 0)
            (start, length) = (start & -512, (length + 511) & -512);
        if (random.Next(4) == 0)
            (start, length) = (start & -65536, 65536);
        return (start, Math.Min(model.Length, start + length));
    }

    private byte[] Bytes(int length)
    {
        var bytes = new byte[length];
        if (random.Next(12) == 0)
            return bytes;
        var pattern = new byte[random.Next(8, 200)];
        random.NextBytes(pattern);
        for (var at = 0; at < length; at += pattern.Length)
            pattern.AsSpan(0, Math.Min(pattern.Length, length - at)).CopyTo(bytes.AsSpan(at));
        return bytes;
    }
}
