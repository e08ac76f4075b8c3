using BlockUring.Native.Interop;
using BlockUring.Native.Uring;
using Xunit;

namespace BlockUring.NativeTests.Uring;

/// <summary>Every operation once, on real descriptors: each must hold on every ring, however poor.</summary>
internal static class RingScenarios
{
    private const int FileLength = 300_000;

    public static readonly IReadOnlyDictionary<string, Func<IoThread, ValueTask>> All = new Dictionary<string, Func<IoThread, ValueTask>>
    {
        [nameof(WritesComeBackFromReads)] = WritesComeBackFromReads,
        [nameof(RegisteredFilesWorkAsOthers)] = RegisteredFilesWorkAsOthers,
        [nameof(ReadsPastTheEndGiveZeroes)] = ReadsPastTheEndGiveZeroes,
        [nameof(DirectReadsPastTheEndGiveZeroes)] = DirectReadsPastTheEndGiveZeroes,
        [nameof(FlushesSucceed)] = FlushesSucceed,
        [nameof(AllocateExtendsAndPunches)] = AllocateExtendsAndPunches,
        [nameof(SocketsCarryBytes)] = SocketsCarryBytes,
        [nameof(ListenersAccept)] = ListenersAccept,
        [nameof(PollsWaitForReadiness)] = PollsWaitForReadiness,
        [nameof(PendingOperationsAreCancelled)] = PendingOperationsAreCancelled,
        [nameof(DelaysEndInOrderAndWithoutOtherEvents)] = DelaysEndInOrderAndWithoutOtherEvents,
        [nameof(FailuresBecomeTheTargetsException)] = FailuresBecomeTheTargetsException,
        [nameof(NopsInBulk)] = NopsInBulk,
        [nameof(WorkersAndPostsComeBack)] = WorkersAndPostsComeBack,
    };

    public static async ValueTask WritesComeBackFromReads(IoThread thread)
    {
        using var temp = new TempFile();
        using var file = temp.Open();
        await WriteAndReadBack(thread, file, 0);
        await WriteAndReadBack(thread, file, 4097);
        using var direct = temp.TryOpenDirect();
        if (direct != null)
            await WriteAndReadBack(thread, direct, 8192);
    }

    public static async ValueTask RegisteredFilesWorkAsOthers(IoThread thread)
    {
        using var temp = new TempFile();
        for (var round = 0; round < 3; round++)
        {
            using var file = temp.Open();
            thread.Queue.Register(file);
            Assert.Equal(thread.Features.Has(RingFeature.RegisteredFiles), file.FileSlot >= 0);
            await WriteAndReadBack(thread, file, 4096);
            await thread.Queue.FlushAsync(file, dataOnly: true);
            thread.Queue.Unregister(file);
            Assert.Equal(-1, file.FileSlot);
        }
    }

    public static async ValueTask ReadsPastTheEndGiveZeroes(IoThread thread)
    {
        using var temp = new TempFile(FileLength);
        using var file = temp.Open();
        await DemandReadsAsZeroPadded(thread, file, temp.Content, FileLength - 5000, 20_000);
        await DemandReadsAsZeroPadded(thread, file, temp.Content, FileLength, 4096);
        await DemandReadsAsZeroPadded(thread, file, temp.Content, 1L << 40, 4096);
        await DemandReadsAsZeroPadded(thread, file, temp.Content, 0, 1);
    }

    public static async ValueTask DirectReadsPastTheEndGiveZeroes(IoThread thread)
    {
        using var temp = new TempFile(FileLength);
        using var file = temp.TryOpenDirect();
        if (file == null)
            return;
        await DemandReadsAsZeroPadded(thread, file, temp.Content, FileLength / 4096 * 4096, 65536);
        await DemandReadsAsZeroPadded(thread, file, temp.Content, 0, 1 << 20);
        await DemandReadsAsZeroPadded(thread, file, temp.Content, 1 << 20, 4096);
    }

    public static async ValueTask FlushesSucceed(IoThread thread)
    {
        using var temp = new TempFile(5000);
        using var file = temp.Open();
        await thread.Queue.FlushAsync(file, dataOnly: true);
        await thread.Queue.FlushAsync(file, dataOnly: false);
        using var buffer = thread.Buffers.Rent(4096);
        buffer.Span.Fill(7);
        await thread.Queue.WriteAsync(file, 0, buffer.Memory, durable: true);
        Assert.Equal(7, File.ReadAllBytes(temp.Path)[4095]);
    }

    public static async ValueTask AllocateExtendsAndPunches(IoThread thread)
    {
        using var temp = new TempFile(65536);
        using var file = temp.Open();
        Assert.Equal(0, await thread.Queue.AllocateAsync(file, 0, 0, 200_000));
        Assert.Equal(200_000, new FileInfo(temp.Path).Length);
        Assert.Equal(0, await thread.Queue.AllocateAsync(file, Libc.PunchHoleKeepSize, 0, 65536));
        Assert.All(File.ReadAllBytes(temp.Path), b => Assert.Equal(0, b));
        Assert.Equal(-Errno.EINVAL, await thread.Queue.AllocateAsync(file, 0, 0, 0));
    }

    public static async ValueTask SocketsCarryBytes(IoThread thread)
    {
        var (left, right) = TestTarget.SocketPair();
        using var buffer = thread.Buffers.Rent(100);
        var received = thread.Queue.ReceiveAsync(right, buffer.Memory.Slice(50));
        buffer.Span[..50].Fill(9);
        Assert.Equal(50, await thread.Queue.SendAsync(left, buffer.Memory.Slice(0, 50)));
        Assert.Equal(50, await received);
        Assert.Equal(50, buffer.Span[50..].Count((byte)9));
        left.Dispose();
        Assert.Equal(0, await thread.Queue.ReceiveAsync(right, buffer.Memory));
        Assert.True(await thread.Queue.SendAsync(right, buffer.Memory) < 0);
        right.Dispose();
    }

    public static async ValueTask ListenersAccept(IoThread thread)
    {
        using var temp = new TempFile();
        using var listener = new TestTarget(Libc.Listen(temp.Path));
        var accepting = thread.Queue.AcceptAsync(listener, Libc.CloseOnExec);
        await thread.YieldAsync();
        using var client = new TestTarget(Libc.Connect(temp.Path));
        using var server = new TestTarget(await accepting);
        Assert.True(server.Descriptor > 2);
        using var buffer = thread.Buffers.Rent(1);
        Libc.WriteByte(client.Descriptor);
        Assert.Equal(1, await thread.Queue.ReceiveAsync(server, buffer.Memory));
    }

    public static async ValueTask PollsWaitForReadiness(IoThread thread)
    {
        var (left, right) = TestTarget.SocketPair();
        Assert.Equal(Libc.PollOut, await thread.Queue.PollAsync(left, Libc.PollOut));
        var polled = thread.Queue.PollAsync(right, Libc.PollIn);
        await thread.YieldAsync();
        Libc.WriteByte(left.Descriptor);
        Assert.Equal(Libc.PollIn, await polled);
        left.Dispose();
        right.Dispose();
    }

    public static async ValueTask PendingOperationsAreCancelled(IoThread thread)
    {
        var (left, right) = TestTarget.SocketPair();
        thread.Queue.Register(right);
        using var buffer = thread.Buffers.Rent(10);
        var received = thread.Queue.ReceiveAsync(right, buffer.Memory);
        var polled = thread.Queue.PollAsync(right, Libc.PollIn);
        await thread.YieldAsync();
        Assert.Equal(2, await thread.Queue.CancelAllAsync(right));
        Assert.Equal(-Errno.ECANCELED, await received);
        Assert.Equal(-Errno.ECANCELED, await polled);
        var none = await thread.Queue.CancelAllAsync(right);
        Assert.True(none is 0 or -Errno.ENOENT, $"cancelling nothing answered {none}");
        thread.Queue.Unregister(right);
        left.Dispose();
        right.Dispose();
    }

    public static async ValueTask DelaysEndInOrderAndWithoutOtherEvents(IoThread thread)
    {
        var order = new List<int>();
        var start = TimeProvider.System.GetTimestamp();
        var last = Delay(thread, 6, order);
        var first = Delay(thread, 2, order);
        await last;
        await first;
        Assert.Equal([2, 6], order);
        Assert.True(TimeProvider.System.GetElapsedTime(start).TotalMilliseconds >= 6);
    }

    public static async ValueTask FailuresBecomeTheTargetsException(IoThread thread)
    {
        using var buffer = thread.Buffers.Rent(8192);
        var closed = new TestTarget(-1);
        var read = await Assert.ThrowsAsync<TargetException>(async () => await thread.Queue.ReadAsync(closed, 512, buffer.Memory));
        Assert.Equal((IoKind.Read, 512, 8192, Errno.EBADF), (read.Kind, read.Offset, read.Length, read.Errno));
        var flush = await Assert.ThrowsAsync<TargetException>(async () => await thread.Queue.FlushAsync(closed, dataOnly: false));
        Assert.Equal((IoKind.Flush, Errno.EBADF), (flush.Kind, flush.Errno));
        Assert.Equal(-Errno.EBADF, await thread.Queue.PollAsync(closed, Libc.PollIn));

        using var temp = new TempFile(8192);
        using var direct = temp.TryOpenDirect();
        if (direct == null)
            return;
        var write = await Assert.ThrowsAsync<TargetException>(
            async () => await thread.Queue.WriteAsync(direct, 1, buffer.Memory.Slice(0, 511)));
        Assert.Equal((IoKind.Write, 1, 511, Errno.EINVAL), (write.Kind, write.Offset, write.Length, write.Errno));
    }

    public static async ValueTask NopsInBulk(IoThread thread)
    {
        var pending = Enumerable.Range(0, 500).Select(_ => thread.Queue.NopAsync()).ToArray();
        Assert.Equal(500, thread.Queue.InFlightCount);
        foreach (var nop in pending)
            Assert.Equal(0, await nop);
        Assert.Equal(0, thread.Queue.InFlightCount);
    }

    public static async ValueTask WorkersAndPostsComeBack(IoThread thread)
    {
        var here = Environment.CurrentManagedThreadId;
        Assert.NotEqual(here, await thread.OffloadAsync(() => Environment.CurrentManagedThreadId));
        Assert.Equal(here, Environment.CurrentManagedThreadId);
        await Assert.ThrowsAsync<FormatException>(async () => await thread.OffloadAsync<int>(() => throw new FormatException()));
        Assert.Equal(here, Environment.CurrentManagedThreadId);
        var posted = 0;
        _ = await thread.OffloadAsync(() =>
        {
            thread.Post(() => posted = Environment.CurrentManagedThreadId);
            return 0;
        });
        while (posted == 0)
            await thread.YieldAsync();
        Assert.Equal(here, posted);
    }

    private static async ValueTask Delay(IoThread thread, int milliseconds, List<int> order)
    {
        await thread.DelayAsync(TimeSpan.FromMilliseconds(milliseconds));
        order.Add(milliseconds);
    }

    private static async ValueTask WriteAndReadBack(IoThread thread, TestTarget file, long offset)
    {
        using var written = thread.Buffers.Rent(128 << 10);
        using var read = thread.Buffers.Rent(128 << 10);
        Assert.Equal(thread.Features.Has(RingFeature.RegisteredBuffers), written.RegisteredIndex >= 0);
        new Random((int)offset + 1).NextBytes(written.Span);
        await thread.Queue.WriteAsync(file, offset, written.Memory);
        await thread.Queue.ReadAsync(file, offset, read.Memory);
        Assert.True(written.Span.SequenceEqual(read.Span));
        await thread.Queue.ReadAsync(file, offset + 4096, read.Memory.Slice(65536, 4096));
        Assert.True(written.Span.Slice(4096, 4096).SequenceEqual(read.Span.Slice(65536, 4096)));
    }

    private static async ValueTask DemandReadsAsZeroPadded(IoThread thread, TestTarget file, byte[] content, long offset, int length)
    {
        using var buffer = thread.Buffers.Rent(length);
        buffer.Span.Fill(0xee);
        await thread.Queue.ReadAsync(file, offset, buffer.Memory);
        var present = (int)Math.Clamp(content.Length - offset, 0, length);
        if (present > 0)
            Assert.True(buffer.Span[..present].SequenceEqual(content.AsSpan((int)offset, present)));
        Assert.Equal(length - present, buffer.Span[present..].Count((byte)0));
    }
}
