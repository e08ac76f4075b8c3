using System.Diagnostics.CodeAnalysis;
using BlockUring.Graph;
using BlockUring.Native.Channels;
using BlockUring.Native.Uring;
using BlockUring.Storage;

namespace BlockUring.Nbd.Server;

/// <summary>An NBD server: exports by name, and the clients that use them. Belongs to one thread.</summary>
public sealed class NbdServer
{
    private static readonly TimeSpan WatchStep = TimeSpan.FromMilliseconds(100);

    private readonly List<NbdExport> exports = [];
    private readonly List<NbdConnection> connections = [];
    private readonly BlockGraph graph;
    private Arrival? room;
    private Arrival? emptied;
    private bool isWatching;

    /// <summary>Makes a server without exports.</summary>
    /// <param name="graph">Whose nodes are exported; its scheduler serves the clients.</param>
    /// <param name="options">How clients are treated.</param>
    public NbdServer(BlockGraph graph, NbdServerOptions options)
    {
        this.graph = graph;
        Options = options;
        Budget = new(options.MaxPayloadBytes);
    }

    /// <summary>How clients are treated.</summary>
    public NbdServerOptions Options { get; }

    /// <summary>The exports that clients can have, oldest first.</summary>
    public IReadOnlyList<NbdExport> Exports => exports;

    /// <summary>Clients connected now.</summary>
    public int ConnectionCount => connections.Count;

    /// <summary>Whether it takes no more clients.</summary>
    public bool IsStopping { get; private set; }

    /// <summary>Told when a client has gone, and whether it had an export.</summary>
    public Action<bool>? ClientGone { get; set; }

    internal Scheduler Scheduler => graph.Scheduler;

    internal TransferBudget Budget { get; }

    /// <summary>The export of a name; null where there is none. "" means the one that has that name.</summary>
    public NbdExport? Find(string name) => exports.Find(e => e.Name == name && !e.IsEnding);

    /// <summary>Offers a node; the caller holds the graph's change.</summary>
    /// <exception cref="BlockException">The name is taken, or a conflict of permissions.</exception>
    public NbdExport Add(NbdExportOptions options)
    {
        DemandNew(options.Name);
        var export = NbdExport.Open(graph, options);
        exports.Add(export);
        return export;
    }

    /// <summary>Refuses a name that is taken.</summary>
    /// <exception cref="BlockException">It is.</exception>
    public void DemandNew(string name)
    {
        if (exports.Exists(e => e.Name == name))
            throw new BlockException(BlockErrorKind.Invalid, $"NBD server already has export named '{name}'");
    }

    /// <summary>Takes an export away: its clients are disconnected; ends when their requests have ended.</summary>
    public async ValueTask RemoveAsync(NbdExport export)
    {
        exports.Remove(export);
        await export.CloseAsync();
    }

    /// <summary>Serves a client that has just connected.</summary>
    /// <param name="channel">Owned from now on.</param>
    public void Serve(ByteChannel channel)
    {
        if (IsStopping)
        {
            channel.Dispose();
            return;
        }

        if (!TryMakeConnection(channel, out var connection))
            return;
        connections.Add(connection);
        Scheduler.Detach(ServeAsync(connection));
        if (isWatching || Options.HandshakeTime <= TimeSpan.Zero)
            return;
        isWatching = true;
        Scheduler.Detach(WatchHandshakesAsync());
    }

    /// <summary>Ends when there may be one more client, or the server stops.</summary>
    public async ValueTask WaitForRoomAsync()
    {
        while (!IsStopping && Options.MaxConnections > 0 && connections.Count >= Options.MaxConnections)
            await (room ??= new());
    }

    /// <summary>Takes no more clients and disconnects those there are; ends when nothing of them is in flight. Exports are the caller's to remove.</summary>
    public async ValueTask StopAsync()
    {
        IsStopping = true;
        MakeRoom();
        foreach (var connection in connections.ToArray())
            await connection.DisconnectAsync();
        while (connections.Count > 0)
            await (emptied ??= new());
    }

    private async ValueTask ServeAsync(NbdConnection connection)
    {
        using (connection)
            await connection.RunAsync();
        connections.Remove(connection);
        MakeRoom();
        ClientGone?.Invoke(connection.HadExport);
        if (connections.Count > 0)
            return;
        var waiting = emptied;
        emptied = null;
        waiting?.Succeed();
    }

    private bool TryMakeConnection(ByteChannel channel, [NotNullWhen(true)] out NbdConnection? connection)
    {
        connection = null;
        try
        {
            connection = new(this, channel);
            return true;
        }
        catch (InsufficientMemoryException)
        {
            // There is no room for buffers: the client is turned away.
            channel.Dispose();
            return false;
        }
    }

    private void MakeRoom()
    {
        var waiting = room;
        room = null;
        waiting?.Succeed();
    }

    // One timer for all, since a delay cannot be taken back.
    private async ValueTask WatchHandshakesAsync()
    {
        while (!IsStopping && connections.Exists(c => c.IsInHandshake))
        {
            await Scheduler.DelayAsync(WatchStep);
            var time = Scheduler.Time;
            foreach (var connection in connections.Where(c => c.IsInHandshake && time.GetElapsedTime(c.Started) >= Options.HandshakeTime).ToArray())
                await connection.DisconnectAsync();
        }

        isWatching = false;
    }
}
