using BlockUring.Images;
using BlockUring.Native.Codecs;
using BlockUring.Native.Memory;
using BlockUring.Storage;

namespace BlockUring.Simulation.Images.Qcow2;

/// <summary>Random requests to an open image, several in flight at a time.</summary>
internal sealed class RequestSequence(Image image, ImageKind kind, GuestModel model, Random random, List<Exception> failures)
{
    private readonly int depth = random.Next(1, 12);
    private readonly List<(Task Task, long Start, long End, bool IsWrite, bool IsResize)> running = [];

    public bool ChecksReads { get; init; } = true;

    /// <summary>The internal snapshots, where some are to be made, applied and deleted; null for none.</summary>
    public SnapshotModel? Snapshots { get; init; }

    public bool HasShrunk { get; private set; }

    private bool CanResize => kind.CanResize && (kind.Version == 3 || Snapshots is not { Count: > 0 });

    public async Task RunAsync(int steps)
    {
        for (var i = 0; i < steps; i++)
        {
            if (running.Count >= depth)
                await WaitForOneAsync(random.Next(running.Count));
            await StartOneAsync();
        }

        while (running.Count > 0)
            await WaitForOneAsync(0);
    }

    public async Task FlushAsync()
    {
        var writes = model.Completed();
        await image.FlushAsync();
        model.Flushed(writes);
    }

    private async Task StartOneAsync()
    {
        switch (random.Next(Snapshots == null ? 19 : 20))
        {
            case < 6:
                await StartWriteAsync();
                break;
            case < 9:
                await StartZeroAsync();
                break;
            case < 12 when kind.CanCompress:
                await StartCompressedAsync();
                break;
            case 15:
                await StartDiscardAsync();
                break;
            case 16 when CanResize:
                await StartResizeAsync();
                break;
            case 17:
                Add(FlushAsync(), -1, -1, false);
                break;
            case 19:
                await ChangeSnapshotsAsync();
                break;
            default:
                await StartReadAsync();
                break;
        }
    }

    private async Task StartWriteAsync()
    {
        var (offset, length) = Range();
        var bytes = Bytes(length);
        await DemandNoReaderAsync(offset, offset + length);
        var buffer = image.Buffers.Rent(length);
        bytes.CopyTo(buffer.Span);
        Add(FinishAsync(model.Begin(offset, bytes), image.WriteAsync(offset, buffer.Memory), buffer), offset, offset + length, true);
    }

    private async Task StartZeroAsync()
    {
        var (offset, length) = random.Next(6) == 0 ? (0L, (int)model.Length) : Range();
        await DemandNoReaderAsync(offset, offset + length);
        var write = model.Begin(offset, new byte[length]);
        var flags = random.Next(2) == 0 ? WriteFlags.MayUnmap : WriteFlags.None;
        Add(FinishAsync(write, image.WriteZeroesAsync(offset, length, flags), null), offset, offset + length, true);
    }

    private async Task StartDiscardAsync()
    {
        while (running.FindIndex(r => r.IsResize) is >= 0 and var resize)
            await WaitForOneAsync(resize);
        var (offset, length) = random.Next(6) == 0 ? (0L, (int)model.Length) : Range();
        await DemandNoReaderAsync(offset, offset + length);
        var start = (offset + kind.ClusterLength - 1) & -(long)kind.ClusterLength;
        var end = offset + length == model.Length ? model.Length : (offset + length) & -(long)kind.ClusterLength;
        if (end < start || !kind.DiscardsToZeroes(image.Format.PassesDiscards))
            end = start;
        var write = model.Begin(Math.Min(start, model.Length), new byte[Math.Max(0, end - start)]);
        Add(FinishAsync(write, image.DiscardAsync(offset, length), null), offset, offset + length, true);
    }

    private async Task StartResizeAsync()
    {
        while (running.FindIndex(r => r.IsResize) is >= 0 and var resize)
            await WaitForOneAsync(resize);
        var longest = random.Next(4) == 0 ? kind.MaxLength : Math.Min(kind.MaxLength, model.Length + (3L * kind.ClusterLength));
        if (!kind.CanGrow)
            longest = model.Length;
        var length = Math.Max(512, (random.Next(3) == 0 ? random.NextInt64(longest + 1) : longest - random.NextInt64(6L * kind.ClusterLength)) & -512);
        while (running.FindIndex(r => r.End > Math.Min(length, model.Length)) is >= 0 and var behind)
            await WaitForOneAsync(behind);
        running.Add((ResizeAsync(length), -1, -1, false, true));
    }

    private async Task ResizeAsync(long length)
    {
        var flushed = model.Completed();
        var resize = model.BeginResize(length);
        var hasSucceeded = false;
        try
        {
            await image.ResizeAsync(length);
            hasSucceeded = true;
            HasShrunk |= length < resize.OldLength;
            if (length != resize.OldLength)
                model.Flushed(flushed);
        }
        finally
        {
            model.EndResize(resize, hasSucceeded);
        }
    }

    private async Task ChangeSnapshotsAsync()
    {
        while (running.Count > 0)
            await WaitForOneAsync(0);
        try
        {
            await Snapshots!.ChangeAsync(image, kind, model, random);
        }
        catch (BlockException e)
        {
            failures.Add(e);
        }
    }

    private async Task StartCompressedAsync()
    {
        var offset = random.NextInt64(model.Length) & -(long)kind.ClusterLength;
        var length = (int)Math.Min(kind.ClusterLength, model.Length - offset);
        var bytes = Bytes(length);
        await DemandNoReaderAsync(offset, offset + length);
        var whole = new byte[kind.ClusterLength];
        bytes.CopyTo(whole, 0);
        var buffer = image.Buffers.Rent(kind.ClusterLength);
        using var codec = ClusterCodec.Create(kind.Compression);
        var packed = codec.Compress(whole, buffer.Span[..^1]);
        if (packed < 0)
        {
            buffer.Dispose();
            return;
        }

        var write = model.Begin(offset, bytes);
        Add(FinishAsync(write, image.WriteCompressedAsync(offset, buffer.Memory.Slice(0, packed)), buffer), offset, offset + length, true);
    }

    private async Task StartReadAsync()
    {
        var (offset, length) = Range();
        while (running.FindIndex(r => r.IsWrite && r.Start < offset + length && offset < r.End) is >= 0 and var writer)
            await WaitForOneAsync(writer);
        Add(ReadAsync(offset, length), offset, offset + length, false);
    }

    private async Task ReadAsync(long offset, int length)
    {
        using var buffer = image.Buffers.Rent(length);
        await image.ReadAsync(offset, buffer.Memory);
        if (!ChecksReads)
            return;
        var same = buffer.Span.CommonPrefixLength(model.Current.AsSpan((int)offset, length));
        if (same < length)
        {
            throw new InvalidOperationException(
                $"Byte {offset + same} of a read of {length} at {offset} is {buffer.Span[same]}, not {model.Current[offset + same]}.");
        }
    }

    private static async Task FinishAsync(GuestModel.Write write, ValueTask request, IoBuffer? buffer)
    {
        try
        {
            await request;
            write.IsDone = true;
        }
        finally
        {
            buffer?.Dispose();
        }
    }

    private async Task DemandNoReaderAsync(long start, long end)
    {
        while (running.FindIndex(r => !r.IsWrite && r.Start < end && start < r.End) is >= 0 and var reader)
            await WaitForOneAsync(reader);
    }

    private void Add(Task task, long start, long end, bool isWrite) => running.Add((task, start, end, isWrite, false));

    private async Task WaitForOneAsync(int index)
    {
        var task = running[index].Task;
        running.RemoveAt(index);
        try
        {
            await task;
        }
        catch (BlockException e)
        {
            failures.Add(e);
        }
    }

    // A third inside one cluster, a third on whole clusters, a third anywhere.
    private (long Offset, int Length) Range()
    {
        long cluster = kind.ClusterLength;
        var offset = random.NextInt64(model.Length);
        var length = random.Next(3) switch
        {
            0 => random.NextInt64(1, cluster + 1),
            1 => cluster * random.Next(1, 9),
            _ => random.NextInt64(1, (cluster * 8) + 1),
        };
        if (random.Next(3) == 0)
            offset &= -cluster;
        else if (random.Next(2) == 0)
            (offset, length) = (offset & -512, (length + 511) & -512);
        return (offset, (int)Math.Min(Math.Min(length, 4 << 20), model.Length - offset));
    }

    private byte[] Bytes(int length)
    {
        var bytes = new byte[length];
        if (random.Next(10) == 0)
            return bytes;
        var pattern = new byte[random.Next(8, 200)];
        random.NextBytes(pattern);
        for (var at = 0; at < length; at += pattern.Length)
            pattern.AsSpan(0, Math.Min(pattern.Length, length - at)).CopyTo(bytes.AsSpan(at));
        return bytes;
    }
}
