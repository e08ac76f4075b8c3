using BlockUring.Native.Channels;
using BlockUring.NativeTests.Uring;
using Xunit;

namespace BlockUring.NativeTests.Channels;

public class TlsAllocationTests
{
    private static readonly byte[] Key = new byte[32];

    [Fact]
    public void NothingIsAllocatedWhileDataMoves()
    {
#if DEBUG
        Assert.Skip("in a debug build the compiler makes state machines classes: run in Release");
#endif
        Assert.SkipWhen(TlsContext.WhyNot != null, TlsContext.WhyNot ?? "");
        RingHost.Run(async thread =>
        {
            var (one, other) = SocketPair.Make(thread);
            using var server = new TlsChannel(thread, one, TestPki.SharedKey(true, ("qemu", Key)));
            using var client = new TlsChannel(thread, other, TestPki.SharedKey(false, ("qemu", Key)));
            var handshake = server.HandshakeAsync().AsTask();
            await client.HandshakeAsync();
            await handshake;
            using var sent = thread.Buffers.Rent(60_000);
            using var received = thread.Buffers.Rent(60_000);
            sent.Span.Clear();
            await EchoAsync(1000);
            var before = GC.GetAllocatedBytesForCurrentThread();
            await EchoAsync(1000);
            Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 20_000);
            await client.ShutdownAsync();
            await server.ShutdownAsync();

            async ValueTask EchoAsync(int rounds)
            {
                for (var i = 0; i < rounds; i++)
                {
                    var pending = client.SendAsync(sent.Memory);
                    for (var got = 0; got < sent.Length;)
                        got += await server.ReceiveAsync(received.Memory);

                    // Assertions allocate.
                    if (await pending != sent.Length)
                        Assert.Fail("not all was sent");
                }
            }
        });
    }
}
