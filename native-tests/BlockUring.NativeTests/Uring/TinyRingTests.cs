using BlockUring.Native.Interop;
using BlockUring.Native.Uring;
using Xunit;

namespace BlockUring.NativeTests.Uring;

public class TinyRingTests
{
    [Fact]
    public void ThousandsOfOperationsPassThroughTwoEntries() => RingHost.Run(
        async thread =>
        {
            using var temp = new TempFile(1 << 20);
            using var file = temp.Open();
            var buffers = Enumerable.Range(0, 64).Select(_ => thread.Buffers.Rent(4096)).ToArray();
            var random = new Random(2);
            for (var round = 0; round < 100; round++)
            {
                var reads = buffers.Select(b => (Buffer: b, Offset: random.Next(0, (1 << 20) - 4096))).ToArray();
                var pending = reads.Select(r => thread.Queue.ReadAsync(file, r.Offset, r.Buffer.Memory)).ToArray();
                for (var i = 0; i < pending.Length; i++)
                {
                    await pending[i];
                    Assert.True(reads[i].Buffer.Span.SequenceEqual(temp.Content.AsSpan(reads[i].Offset, 4096)));
                }
            }

            foreach (var buffer in buffers)
                buffer.Dispose();
        },
        RingHost.With(entries: 2));

    [Fact]
    public void OperationsBehindPendingOnesGetTheirTurn() => RingHost.Run(
        async thread =>
        {
            // None of the first forty ends before the last of them does, and the ring takes two at a time.
            var (left, right) = TestTarget.SocketPair();
            var polls = Enumerable.Range(0, 40).Select(_ => thread.Queue.PollAsync(right, Libc.PollIn)).ToArray();
            Assert.Equal(0, await thread.Queue.NopAsync());
            Libc.WriteByte(left.Descriptor);
            foreach (var poll in polls)
                Assert.Equal(Libc.PollIn, await poll);
            left.Dispose();
            right.Dispose();
        },
        RingHost.With(entries: 2),
        timeoutSeconds: 10);

    [Fact]
    public void AThreadFullOfPendingOperationsStillWakesUp() => RingHost.Run(
        async thread =>
        {
            var (left, right) = TestTarget.SocketPair();
            var polls = Enumerable.Range(0, 40).Select(_ => thread.Queue.PollAsync(right, Libc.PollIn)).ToArray();
            for (var i = 0; i < 100; i++)
            {
                var id = await thread.OffloadAsync(() =>
                {
                    Thread.Sleep(1);
                    return i;
                });
                Assert.Equal(i, id);
            }

            Assert.True(await thread.Queue.CancelAllAsync(right) > 0);
            foreach (var poll in polls)
                Assert.Equal(-Errno.ECANCELED, await poll);
            left.Dispose();
            right.Dispose();
        },
        RingHost.With(entries: 2),
        timeoutSeconds: 20);

    [Fact]
    public void CompletionsThatOverflowTheQueueAreNotLost() => RingHost.Run(
        async thread =>
        {
            // One event ends 200 polls at once; the completion queue has room for eight.
            var (left, right) = TestTarget.SocketPair();
            for (var round = 0; round < 10; round++)
            {
                var polls = Enumerable.Range(0, 200).Select(_ => thread.Queue.PollAsync(right, Libc.PollIn)).ToArray();
                await thread.Queue.NopAsync();
                Libc.WriteByte(left.Descriptor);
                foreach (var poll in polls)
                    Assert.Equal(Libc.PollIn, await poll);
                using var buffer = thread.Buffers.Rent(1);
                Assert.Equal(1, await thread.Queue.ReceiveAsync(right, buffer.Memory));
            }

            left.Dispose();
            right.Dispose();
        },
        RingHost.With(entries: 2),
        timeoutSeconds: 20);

    [Fact]
    public unsafe void OverflowIsSeenAndDrained() => RingHost.OnOwnThread(() =>
    {
        using var ring = new Ring(new RingOptions { Entries = 4 });
        const int total = 64;
        for (var i = 0; i < total; i++)
        {
            var sqe = ring.TryNextSqe();
            sqe->Opcode = IoUringOp.Nop;
            sqe->UserData = (ulong)i;
            ring.Enter(0, 0);
        }

        Assert.True(ring.HasOverflow);
        Assert.True(ring.OverflowCount > 0);
        var seen = new List<ulong>();
        while (seen.Count < total)
        {
            while (ring.Completion.TryTake(out var cqe))
                seen.Add(cqe.UserData);
            ring.Enter(0, 0);
        }

        Assert.Equal(Enumerable.Range(0, total).Select(i => (ulong)i), seen);
        Assert.False(ring.HasOverflow);
    });

    [Fact]
    public unsafe void AFullSubmissionQueueAnswersNull() => RingHost.OnOwnThread(() =>
    {
        using var ring = new Ring(new RingOptions { Entries = 4 });
        for (var i = 0; i < 4; i++)
            ring.TryNextSqe()->Opcode = IoUringOp.Nop;
        Assert.True(ring.TryNextSqe() == null);
        ring.Enter(4, -1);
        Assert.True(ring.TryNextSqe() != null);
    });
}
