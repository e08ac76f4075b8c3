using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Text;
using System.Threading.Tasks.Sources;
using BlockUring.Native.Interop;
using BlockUring.Native.Memory;
using BlockUring.Native.Uring;

namespace BlockUring.Native.Channels;

/// <summary>A connection that is encrypted (TLS 1.2 and 1.3), over another one, which it owns.</summary>
/// <remarks>
/// The library sees two buffers in memory and never a descriptor, so that all waiting is done by the ring. Its calls are short and run on the thread itself: a
/// handshake costs about a millisecond, a record of 16 KiB a few microseconds. What a receive makes to be sent (an alert, the answer to an update of keys) goes out
/// beside it; <see cref="SendAsync"/> comes after that.
/// </remarks>
public sealed class TlsChannel : ByteChannel
{
    // Whole records of 16 KiB, and what comes on top of each, are one send.
    private const int MaxSendBytes = 7 * 16384;
    private const int OutputBytes = 128 << 10;
    private const int InputBytes = 64 << 10;

    // What may wait to be sent to a peer that makes this side answer and does not listen.
    private const int MaxWaitingBytes = 256 << 10;

    // How long the last record, which says that this is the end, may take.
    private static readonly TimeSpan GoodbyeTime = TimeSpan.FromSeconds(1);

    private readonly Scheduler thread;
    private readonly ByteChannel inner;
    private readonly TlsContext context;
    private readonly string? hostName;
    private readonly IoBuffer input;
    private readonly IoBuffer output;
    private readonly SendTurn turn = new();
    private readonly nint ssl;
    private readonly nint fromPeer;
    private readonly nint toPeer;
    private string? user;
    private bool isOpen;
    private bool isSending;
    private bool isShutDown;
    private bool isDisposed;
    private bool isReleased;
    private int failure;

    /// <summary>Takes a connection over; <see cref="HandshakeAsync"/> comes next.</summary>
    /// <param name="thread">Which everything runs on.</param>
    /// <param name="inner">Is disposed of with this one.</param>
    /// <param name="context">The credentials.</param>
    /// <param name="hostName">For a client: whom the server's certificate must be made out to; null for anybody whose certificate is valid.</param>
    /// <exception cref="TlsException">The name is none. The inner connection is still the caller's.</exception>
    public TlsChannel(Scheduler thread, ByteChannel inner, TlsContext context, string? hostName = null)
    {
        this.thread = thread;
        this.inner = inner;
        this.context = context;
        this.hostName = hostName;
        ssl = context.Connect(hostName, out fromPeer, out toPeer);
        input = thread.Buffers.Rent(InputBytes);
        output = thread.Buffers.Rent(OutputBytes);
    }

    /// <summary>The protocol's version, "TLSv1.3"; after the handshake.</summary>
    public unsafe string Version => Marshal.PtrToStringUTF8((nint)OpenSsl.SslVersion(ssl)) ?? "";

    /// <summary>
    /// Who the peer is, after the handshake: the subject of its certificate, "CN=client,O=Example", or the user of a shared key; null for nobody in particular.
    /// </summary>
    public string? PeerName { get; private set; }

    /// <summary>Why a receive answered EPROTO: what the peer complained of, or what was wrong with what it sent; null before.</summary>
    public string? FailureReason { get; private set; }

    /// <summary>Agrees on keys with the peer and checks who it is. Takes as long as the peer does: <see cref="ShutdownAsync"/> ends it.</summary>
    /// <exception cref="TlsException">It failed; the peer has been told where it can be. The channel is to be disposed of.</exception>
    public async ValueTask HandshakeAsync()
    {
        while (true)
        {
            var error = Handshake();
            var sent = await FlushAsync();
            if (error == null)
                break;
            if (error.Length > 0)
                throw new TlsException(error);
            var received = sent < 0 ? sent : await inner.ReceiveAsync(input.Memory);
            if (received <= 0)
                throw new TlsException($"TLS handshake failed: {(received == 0 ? "The connection was closed" : Errno.Message(-received))}");
            Feed(received);
        }

        PeerName = ReadPeerName();
        isOpen = true;
    }

    /// <inheritdoc/>
    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    public override async ValueTask<int> ReceiveAsync(IoMemory destination)
    {
        while (true)
        {
            var count = Decrypt(destination, out var hasEnded);
            if (WaitingBytes > 0 && !isSending)
                thread.Detach(FlushBesideAsync());
            if (count > 0)
                return count;
            if (hasEnded)
                return failure;
            var received = await inner.ReceiveAsync(input.Memory);
            if (received <= 0)
                return EndOfInput(received);
            Feed(received);
        }
    }

    /// <inheritdoc/>
    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    public override async ValueTask<int> SendAsync(IoMemory source)
    {
        var part = source.Slice(0, Math.Min(source.Length, MaxSendBytes));
        if (isShutDown || failure != 0 || !Encrypt(part))
            return -Errno.EPIPE;
        var sent = await FlushAsync();
        return sent < 0 ? sent : part.Length;
    }

    /// <summary>Tells the peer that this is the end, unless something is being sent to it right now, and ends the connection.</summary>
    public override async ValueTask ShutdownAsync()
    {
        if (isShutDown)
            return;
        isShutDown = true;
        if (isOpen && !isSending && failure == 0)
        {
            SayGoodbye();
            thread.Detach(CutAsync());
            _ = await FlushAsync();
        }

        await inner.ShutdownAsync();
    }

    /// <summary>Makes new keys for what is sent, and asks the peer for new ones; for TLS 1.3.</summary>
    /// <returns>Whether that is possible.</returns>
    internal unsafe bool UpdateKeys() => OpenSsl.SslKeyUpdate(ssl, 1) == 1;

    /// <inheritdoc/>
    protected override void Dispose(bool isDisposing)
    {
        if (isDisposed)
            return;
        isDisposed = true;
        if (!isSending)
            Release();
    }

    private unsafe int WaitingBytes => (int)OpenSsl.BioPending(toPeer);

    private void Release()
    {
        if (isReleased)
            return;
        isReleased = true;
        FreeState();
        input.Dispose();
        output.Dispose();
        inner.Dispose();
    }

    // With it go its buffers.
    private unsafe void FreeState() => OpenSsl.SslFree(ssl);

    // A peer that does not listen is not waited for.
    private async ValueTask CutAsync()
    {
        await thread.DelayAsync(GoodbyeTime);
        if (!isDisposed || isSending)
            await inner.ShutdownAsync();
    }

    private async ValueTask FlushBesideAsync() => _ = await FlushAsync();

    /// <summary>Sends what waits to be sent. Who comes while somebody else does waits for that one, who sends everything.</summary>
    /// <returns>0, or a negative error number.</returns>
    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    private async ValueTask<int> FlushAsync()
    {
        if (isSending)
            return await turn.WaitAsync();
        isSending = true;
        var result = 0;
        while (result == 0 && TakeOutput() is > 0 and var length)
            result = await SendWholeAsync(length);
        isSending = false;
        turn.End(result);

        // Whoever waited may have gone on sending.
        if (isDisposed && !isSending)
            Release();
        return result;
    }

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    private async ValueTask<int> SendWholeAsync(int length)
    {
        for (var done = 0; done < length;)
        {
            var sent = await inner.SendAsync(output.Memory.Slice(done, length - done));
            if (sent <= 0)
                return failure = sent < 0 ? sent : -Errno.EPIPE;
            done += sent;
        }

        return 0;
    }

    // Why an error: without the record that ends a connection, somebody else may have cut it short (RFC 8446, 6.1).
    private int EndOfInput(int received) => received < 0 ? received : isShutDown ? 0 : -Errno.ECONNRESET;

    private unsafe int TakeOutput()
    {
        if (WaitingBytes == 0)
            return 0;
        return OpenSsl.BioRead(toPeer, output.Address, OutputBytes);
    }

    private unsafe void Feed(int length)
    {
        if (OpenSsl.BioWrite(fromPeer, input.Address, length) != length)
            throw new InsufficientMemoryException("OpenSSL: out of memory");
    }

    /// <summary>One step of the handshake.</summary>
    /// <returns>Null at its end, "" when more must come from the peer, or why it failed.</returns>
    private unsafe string? Handshake()
    {
        OpenSsl.ErrClear();
        var result = OpenSsl.SslHandshake(ssl);
        user = context.TakeUser() ?? user;
        if (result == 1)
            return null;
        return OpenSsl.SslError(ssl, result) == OpenSsl.SslErrorWantRead ? "" : HandshakeError();
    }

    private unsafe string HandshakeError()
    {
        var reason = OpenSsl.LastError();
        OpenSsl.ErrClear();
        var verification = context.VerifiesPeer ? (int)OpenSsl.SslVerifyResult(ssl) : 0;
        return TlsMessages.OfVerification(verification, hostName) ?? $"TLS handshake failed: {TlsMessages.OfFailure(reason)}";
    }

    private unsafe int Decrypt(IoMemory destination, out bool hasEnded)
    {
        hasEnded = failure != 0;
        var done = 0;
        OpenSsl.ErrClear();
        while (!hasEnded && done < destination.Length)
        {
            var count = OpenSsl.SslRead(ssl, destination.Address + done, destination.Length - done);
            if (count <= 0)
            {
                hasEnded = IsEnd(OpenSsl.SslError(ssl, count));
                break;
            }

            done += count;
        }

        if (WaitingBytes > MaxWaitingBytes)
        {
            failure = -Errno.EPROTO;
            FailureReason = "the peer takes no answers";
            hasEnded = true;
        }

        return done;
    }

    private bool IsEnd(int error)
    {
        if (error == OpenSsl.SslErrorWantRead)
            return false;
        if (error != OpenSsl.SslErrorZeroReturn)
        {
            failure = -Errno.EPROTO;
            FailureReason = OpenSsl.LastError();
        }

        return true;
    }

    private unsafe bool Encrypt(IoMemory source)
    {
        OpenSsl.ErrClear();
        return OpenSsl.SslWrite(ssl, source.Address, source.Length) == source.Length;
    }

    private unsafe void SayGoodbye()
    {
        OpenSsl.ErrClear();
        _ = OpenSsl.SslShutdown(ssl);
    }

    private unsafe string? ReadPeerName()
    {
        if (context.Kind == TlsKind.SharedKeys)
            return user;
        var certificate = OpenSsl.SslPeerCertificate(ssl);
        if (certificate == 0)
            return null;
        var text = OpenSsl.BioNew(OpenSsl.BioMemoryMethod());
        try
        {
            _ = OpenSsl.X509NamePrint(text, OpenSsl.X509SubjectName(certificate), 0, TlsMessages.NameFormat);
            var bytes = new byte[(int)OpenSsl.BioPending(text)];
            fixed (byte* place = bytes)
                _ = OpenSsl.BioRead(text, place, bytes.Length);
            return Encoding.UTF8.GetString(bytes);
        }
        finally
        {
            _ = OpenSsl.BioFree(text);
            OpenSsl.X509Free(certificate);
        }
    }

    /// <summary>What a send waits for that comes while something else is being sent. There is one at most.</summary>
    private sealed class SendTurn : IValueTaskSource<int>
    {
        private ManualResetValueTaskSourceCore<int> core;
        private bool hasWaiter;

        public ValueTask<int> WaitAsync()
        {
            hasWaiter = true;
            core.Reset();
            return new(this, core.Version);
        }

        public void End(int result)
        {
            if (!hasWaiter)
                return;
            hasWaiter = false;
            core.SetResult(result);
        }

        public int GetResult(short token) => core.GetResult(token);

        public ValueTaskSourceStatus GetStatus(short token) => core.GetStatus(token);

        public void OnCompleted(Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags) =>
            core.OnCompleted(continuation, state, token, flags);
    }
}
