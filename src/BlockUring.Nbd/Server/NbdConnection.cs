using BlockUring.Native.Channels;

namespace BlockUring.Nbd.Server;

/// <summary>One client of a server, from its greeting to its end.</summary>
internal sealed class NbdConnection : IDisposable
{
    private readonly NbdServer server;
    private readonly NbdHandshake handshake;

    /// <summary>Takes a channel over.</summary>
    /// <exception cref="InsufficientMemoryException">There is no memory for buffers; the channel is the caller's.</exception>
    public NbdConnection(NbdServer server, ByteChannel channel)
    {
        this.server = server;
        handshake = new(server, channel, server.Scheduler.Buffers);
        Started = server.Scheduler.Time.GetTimestamp();
    }

    /// <summary>When it came, by the scheduler's clock.</summary>
    public long Started { get; }

    /// <summary>Whether it has not agreed on an export yet.</summary>
    public bool IsInHandshake { get; private set; } = true;

    /// <summary>Whether it agreed on an export.</summary>
    public bool HadExport { get; private set; }

    /// <summary>Serves the client.</summary>
    public async ValueTask RunAsync()
    {
        var agreement = await handshake.RunAsync();
        IsInHandshake = false;
        if (agreement != null)
            await TransmitAsync(agreement);
    }

    /// <summary>Ends the connection: what the client still waits for it will not get.</summary>
    public ValueTask DisconnectAsync() => handshake.Channel.ShutdownAsync();

    /// <summary>Closes the channel and returns the buffers, at the end of <see cref="RunAsync"/>.</summary>
    public void Dispose() => handshake.Dispose();

    private async ValueTask TransmitAsync(NbdAgreement agreement)
    {
        var transmission = new NbdTransmission(
            server.Scheduler, handshake.Channel, handshake.Input, agreement, server.Budget, server.Options.MaxConnectionPayloadBytes);
        HadExport = true;
        agreement.Export.Add(this);
        try
        {
            await transmission.RunAsync();
        }
        finally
        {
            agreement.Export.Remove(this);
        }
    }
}
