using System.Runtime.CompilerServices;
using BlockUring.Native.Channels;
using BlockUring.Native.Interop;
using BlockUring.Native.Uring;
using BlockUring.Nbd.Wire;
using BlockUring.Storage;

namespace BlockUring.Nbd.Client;

/// <summary>
/// The connections to one export: more than one under load where the server allows it, and new ones for those that are lost, as "reconnect-delay"
/// and "open-timeout" have it.
/// </summary>
internal sealed class NbdConnections
{
    // Why: fewer requests than this one connection serves as well as two.
    private const int BusyLoad = 8;

    // How long a server has that is taken leave of, or that somebody has given up.
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan HandshakeTime = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan FirstPause = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan LongestPause = TimeSpan.FromSeconds(4);

    private readonly Scheduler scheduler;
    private readonly NbdClientSettings settings;
    private readonly NbdDialer dialer;
    private readonly List<NbdConnection> live = [];
    private readonly List<NbdHandshake> handshakes = [];
    private int limit = 1;
    private int cancelCount;
    private int lossCount;
    private bool isConnecting;
    private bool mayWait;
    private bool isClosed;
    private Arrival change = new();
    private BlockException? failure;

    public NbdConnections(Scheduler scheduler, NbdClientSettings settings, NbdDialer dialer)
    {
        this.scheduler = scheduler;
        this.settings = settings;
        this.dialer = dialer;
    }

    /// <summary>What the first connection agreed on. To be read after <see cref="OpenAsync"/>.</summary>
    public NbdExport Export { get; private set; } = new() { Name = "" };

    /// <summary>How often requests were given up.</summary>
    public int CancelCount => cancelCount;

    /// <summary>Connections that serve requests now.</summary>
    public int LiveCount => live.Count;

    /// <summary>Why the server cannot be used any more, to be thrown; null where it can.</summary>
    public BlockException? Failure => failure == null ? null : new(failure.Kind, failure.Message, failure.ErrorNumber, failure);

    /// <summary>Makes the first connection.</summary>
    /// <exception cref="BlockException">Why not.</exception>
    public async ValueTask OpenAsync()
    {
        var deadline = Now + settings.OpenTimeout;
        for (var pause = FirstPause; ; pause = Longer(pause))
        {
            try
            {
                var connection = await ConnectAsync();
                Export = connection.Export;
                live.Add(connection);
                mayWait = true;
                if (Export.Can(NbdTransmissionFlags.CanMultiConnection))
                    limit = Math.Clamp(settings.ConnectionCount, 1, NbdClientSettings.MaxConnectionCount);
                return;
            }
            catch (BlockException) when (Now + pause <= deadline)
            {
                await scheduler.DelayAsync(pause);
            }
        }
    }

    /// <summary>A connection for a request; waits for one as long as the settings allow.</summary>
    /// <returns>Null when there is none.</returns>
    /// <exception cref="BlockException">The server cannot be used any more.</exception>
    public ValueTask<NbdConnection?> GetAsync()
    {
        NbdConnection? best = null;
        for (var i = live.Count - 1; i >= 0; i--)
        {
            if (live[i].IsLost)
                Drop(live[i]);
            else if (best == null || live[i].LoadCount < best.LoadCount)
                best = live[i];
        }

        if (best == null)
            return GetLaterAsync();
        if (best.LoadCount >= BusyLoad && live.Count < limit && !isConnecting && !isClosed)
            scheduler.Detach(AddAsync());
        return new(best);
    }

    /// <summary>Whether a request that ended with its connection may go to another one.</summary>
    /// <param name="cancelsBefore">Of <see cref="CancelCount"/>, when the request was made.</param>
    public bool MayRetry(int cancelsBefore)
    {
        for (var i = live.Count - 1; i >= 0; i--)
        {
            if (live[i].IsLost)
                Drop(live[i]);
        }

        var mayComeBack = live.Count > 0 || (mayWait && settings.ReconnectDelay > TimeSpan.Zero);
        return mayComeBack && cancelsBefore == cancelCount && failure == null && !isClosed;
    }

    /// <summary>Nobody waits any more for a server that is away; one that does not answer soon what was asked before is given up.</summary>
    public void CancelInFlight()
    {
        cancelCount++;
        mayWait = false;
        Tell();
        foreach (var connection in live)
        {
            if (connection.LoadCount > 0)
                scheduler.Detach(AbortLaterAsync(connection, connection.StartedCount));
        }
    }

    /// <summary>Takes leave of the server.</summary>
    public async ValueTask CloseAsync()
    {
        isClosed = true;
        dialer.GiveUp();
        foreach (var handshake in handshakes.ToArray())
            await handshake.ShutdownAsync();
        Tell();
        foreach (var connection in live.ToArray())
        {
            scheduler.Detach(AbortLaterAsync(connection, long.MaxValue));
            await connection.CloseAsync();
        }

        live.Clear();
    }

    private TimeSpan Now => scheduler.Time.GetElapsedTime(0);

    private static TimeSpan Longer(TimeSpan pause) => pause * 2 < LongestPause ? pause * 2 : LongestPause;

    private static async ValueTask WaitAsync(Arrival change) => await change;

    [AsyncMethodBuilder(typeof(PooledTaskBuilder<>))]
    private async ValueTask<NbdConnection?> GetLaterAsync()
    {
        StartConnecting();
        while (live.Count == 0 && mayWait && failure == null && !isClosed && settings.ReconnectDelay > TimeSpan.Zero)
        {
            await WaitAsync(change);
            StartConnecting();
        }

        if (Failure is { } reason)
            throw reason;
        return live.Count > 0 && !live[^1].IsLost ? live[^1] : null;
    }

    private void StartConnecting()
    {
        if (live.Count == 0 && !isConnecting && failure == null && !isClosed)
            scheduler.Detach(ReconnectAsync());
    }

    private void Drop(NbdConnection connection)
    {
        live.Remove(connection);
        if (connection.Violation is { } violation)
            failure ??= new(BlockErrorKind.Io, $"NBD server at '{settings.Address}' broke the protocol: {violation}", Errno.EIO);
        if (live.Count == 0 && mayWait)
            scheduler.Detach(StopWaitingLaterAsync(cancelCount));
        Tell();
    }

    private void Tell()
    {
        var told = change;
        change = new();
        told.Succeed();
    }

    // Requests wait so long after the loss, and not any more until the server is back.
    private async ValueTask StopWaitingLaterAsync(int cancels)
    {
        lossCount++;
        var loss = lossCount;
        await scheduler.DelayAsync(settings.ReconnectDelay);
        if (loss != lossCount || live.Count > 0 || cancels != cancelCount)
            return;
        mayWait = false;
        Tell();
    }

    private async ValueTask ReconnectAsync()
    {
        isConnecting = true;
        try
        {
            for (var pause = FirstPause; !isClosed && failure == null; pause = Longer(pause))
            {
                if (await TryAddAsync() || settings.ReconnectDelay == TimeSpan.Zero)
                    return;
                await scheduler.DelayAsync(pause);
            }
        }
        finally
        {
            isConnecting = false;
            Tell();
        }
    }

    // One more; a server that has no room for it is left in peace.
    private async ValueTask AddAsync()
    {
        isConnecting = true;
        if (!await TryAddAsync())
            limit = 1;
        isConnecting = false;
        Tell();
    }

    private async ValueTask<bool> TryAddAsync()
    {
        NbdConnection connection;
        try
        {
            connection = await ConnectAsync();
        }
        catch (BlockException)
        {
            return false;
        }

        if (isClosed || !IsSame(connection.Export))
        {
            if (!isClosed && live.Count == 0)
                failure ??= new(BlockErrorKind.Io, $"NBD server at '{settings.Address}' has come back with another export", Errno.EIO);
            scheduler.Detach(AbortLaterAsync(connection, long.MaxValue));
            await connection.CloseAsync();
            return false;
        }

        live.Add(connection);
        mayWait = true;
        lossCount++;
        Tell();
        return true;
    }

    private bool IsSame(NbdExport other)
    {
        const NbdTransmissionFlags counting = ~(NbdTransmissionFlags.CanMultiConnection | NbdTransmissionFlags.Rotational);
        return other.Length == Export.Length && (other.Flags & counting) == (Export.Flags & counting) && other.Sizes == Export.Sizes
            && other.ContextId.HasValue == Export.ContextId.HasValue;
    }

    private async ValueTask<NbdConnection> ConnectAsync()
    {
        var channel = await dialer.DialAsync();
        NbdHandshake handshake;
        try
        {
            handshake = new NbdHandshake(scheduler.Buffers, channel, settings);
        }
        catch (InsufficientMemoryException e)
        {
            channel.Dispose();
            throw new BlockException(BlockErrorKind.Limit, e.Message, Errno.ENOMEM, e);
        }

        handshakes.Add(handshake);
        var clock = new HandshakeClock();
        scheduler.Detach(EndLateAsync(handshake, clock));
        try
        {
            var export = await handshake.GoAsync();
            var (agreed, input) = handshake.Detach();
            return Begin(agreed, input, export);
        }
        catch (BlockException) when (clock.IsLate)
        {
            var message = $"NBD server at '{settings.Address}' did not end the handshake within {HandshakeTime.TotalSeconds} seconds";
            throw new BlockException(BlockErrorKind.Io, message, Errno.ETIMEDOUT);
        }
        finally
        {
            clock.IsOver = true;
            handshakes.Remove(handshake);
            handshake.Dispose();
        }
    }

    private NbdConnection Begin(ByteChannel channel, NbdInput input, NbdExport export)
    {
        try
        {
            return new NbdConnection(scheduler, channel, input, export);
        }
        catch (InsufficientMemoryException e)
        {
            input.Dispose();
            channel.Dispose();
            throw new BlockException(BlockErrorKind.Limit, e.Message, Errno.ENOMEM, e);
        }
    }

    private async ValueTask EndLateAsync(NbdHandshake handshake, HandshakeClock clock)
    {
        await scheduler.DelayAsync(HandshakeTime);
        if (clock.IsOver)
            return;
        clock.IsLate = true;
        await handshake.ShutdownAsync();
    }

    private async ValueTask AbortLaterAsync(NbdConnection connection, long startedBefore)
    {
        await scheduler.DelayAsync(Patience);
        if (startedBefore == long.MaxValue || connection.IsWaitingFor(startedBefore))
            connection.Abort();
    }

    private sealed class HandshakeClock
    {
        public bool IsOver { get; set; }

        public bool IsLate { get; set; }
    }
}
