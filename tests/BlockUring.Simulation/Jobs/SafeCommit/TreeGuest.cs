using BlockUring.Graph;
using BlockUring.Images;
using BlockUring.Simulation.Images;
using BlockUring.Storage;

namespace BlockUring.Simulation.Jobs.SafeCommit;

/// <summary>A guest that uses an image of a tree: writes it, flushes it, and finds in it at any time what it wrote there.</summary>
internal sealed class TreeGuest(SimulatedScheduler scheduler, DiskUser user, byte[] content, int seed)
{
    private readonly Random random = new(seed);
    private readonly List<(long Start, long End)> inFlight = [];
    private readonly List<(long Start, long End)> uncertain = [];

    public DiskUser User => user;

    /// <summary>What the disk must hold.</summary>
    public GuestModel Model { get; } = new(content, content.Length, []);

    /// <summary>Whether it only reads.</summary>
    public bool IsReader { get; init; }

    /// <summary>Whether a request may fail now.</summary>
    public Func<bool> MayFail { get; init; } = () => true;

    /// <summary>Makes requests, several at a time, until it is told that it is enough.</summary>
    public async Task RunAsync(Func<bool> isOver)
    {
        var running = new Task[random.Next(1, IsReader ? 8 : 5)];
        for (var i = 0; i < running.Length; i++)
            running[i] = RunOneAsync(isOver);
        foreach (var one in running)
            await one;
    }

    private async Task RunOneAsync(Func<bool> isOver)
    {
        for (var left = 80; left > 0 && !isOver(); left--)
        {
            if (random.Next(8) == 0)
                await scheduler.DelayAsync(TimeSpan.FromMilliseconds(random.Next(5)));
            var (start, end) = Range();
            if (inFlight.Exists(r => r.Start < end && start < r.End))
                await scheduler.YieldAsync();
            else
                await DoAsync(IsReader ? 9 : random.Next(12), start, end);
        }
    }

    private async Task DoAsync(int what, long start, long end)
    {
        inFlight.Add((start, end));
        try
        {
            await (what switch
            {
                < 5 => WriteAsync(start, (int)(end - start)),
                < 7 => ZeroAsync(start, end),
                < 8 => FlushAsync(),
                _ => ReadAsync(start, (int)(end - start)),
            });
        }
        catch (BlockException) when (MayFail())
        {
            if (what < 7)
                uncertain.Add((start, end));
        }
        finally
        {
            inFlight.Remove((start, end));
        }
    }

    private async Task WriteAsync(long start, int length)
    {
        using var buffer = scheduler.Buffers.Rent(length);
        random.NextBytes(buffer.Span[..length]);
        await ChangeAsync(start, buffer.Span[..length].ToArray(), n => n.WriteAsync(start, buffer.Memory.Slice(0, length)));
    }

    private Task ZeroAsync(long start, long end)
    {
        var flags = random.Next(2) == 0 ? WriteFlags.None : WriteFlags.MayUnmap;
        return ChangeAsync(start, new byte[end - start], n => n.WriteZeroesAsync(start, end - start, flags));
    }

    // Why inside the user's gate: who drains it finds the model as it is then.
    private async Task ChangeAsync(long start, byte[] bytes, Func<BlockNode, ValueTask> request) => await user.RunAsync(async node =>
    {
        var write = Model.Begin(start, bytes);
        await request(node);
        write.IsDone = true;
    });

    private async Task FlushAsync()
    {
        var completed = Model.Completed();
        await user.FlushAsync();
        Model.Flushed(completed);
    }

    private async Task ReadAsync(long start, int length)
    {
        using var buffer = scheduler.Buffers.Rent(length);
        await user.ReadAsync(start, buffer.Memory.Slice(0, length));
        if (uncertain.Exists(r => r.Start < start + length && start < r.End))
            return;
        var wanted = Model.Current.AsSpan((int)start, length);
        var same = wanted.CommonPrefixLength(buffer.Span[..length]);
        if (same < length)
            throw new InvalidOperationException($"{user.Description} reads something else than is there at {start + same}.");
    }

    private (long Start, long End) Range()
    {
        var start = random.NextInt64(content.Length);
        var length = random.Next(4) == 0 ? random.NextInt64(1, 200_000) : random.NextInt64(1, 20_000);
        if (random.Next(3) > 0)
            (start, length) = (start & -512, (length + 511) & -512);
        if (random.Next(4) == 0)
            (start, length) = (start & -65536, 65536);
        return (start, Math.Min(content.Length, start + length));
    }
}
