using BlockUring.Graph;
using BlockUring.Nbd.Wire;
using BlockUring.Storage;

namespace BlockUring.Nbd.Server;

/// <summary>A node that clients of a server see. Its requests pass a gate of its own, so that draining the node holds them up.</summary>
public sealed class NbdExport : NodeUser
{
    private readonly BlockGraph graph;
    private readonly NbdExportOptions options;
    private readonly NodeLink link;
    private readonly List<NbdConnection> connections = [];
    private readonly Arrival closed = new();
    private readonly Arrival abandoned = new();

    private NbdExport(BlockGraph graph, NbdExportOptions options)
    {
        this.graph = graph;
        this.options = options;
        var needed = ImagePermissions.ConsistentRead | (options.IsWritable ? ImagePermissions.Write : ImagePermissions.None);
        link = graph.Attach(this, options.Node, "root", needed, NodeLink.AllPermissions);
        foreach (var bitmap in options.Bitmaps)
            bitmap.IsBusy = true;
        Contexts = MetaContext.Of(options);
    }

    /// <inheritdoc/>
    public override string Description => "an unnamed block device";

    /// <summary>Unique among all exports of the process.</summary>
    public string Id => options.Id;

    /// <summary>What clients ask for.</summary>
    public string Name => options.Name;

    /// <summary>For people; null for none.</summary>
    public string? Text => options.Description;

    /// <summary>The node shown now: it changes when something is put above or below it.</summary>
    public BlockNode Node => link.Node;

    /// <summary>Bytes that clients see. Follows the node's length.</summary>
    public long Length => Math.Max(0, Node.Length - options.Offset);

    /// <summary>Clients that use it.</summary>
    public int ConnectionCount => connections.Count;

    /// <summary>Whether it takes no clients any more, and goes when those that it has have gone.</summary>
    public bool IsEnding { get; private set; }

    /// <summary>What block status can tell.</summary>
    internal IReadOnlyList<MetaContext> Contexts { get; }

    /// <summary>Where every request comes in.</summary>
    internal RequestGate Gate { get; } = new();

    /// <summary>The first byte of the node that is shown.</summary>
    internal long Offset => options.Offset;

    internal bool IsReadOnly => !options.IsWritable;

    internal bool IsWriteThrough => options.IsWriteThrough;

    /// <summary>Attaches an export to its node.</summary>
    /// <exception cref="BlockException">A conflict of permissions.</exception>
    internal static NbdExport Open(BlockGraph graph, NbdExportOptions options) => new(graph, options);

    /// <inheritdoc/>
    public override ValueTask QuiesceAsync() => Gate.CloseAsync();

    /// <inheritdoc/>
    public override void Resume() => Gate.Open();

    /// <summary>What a client is told that it can do.</summary>
    /// <param name="canFragment">Whether replies are structured.</param>
    /// <param name="isShared">Whether there may be several clients at a time.</param>
    internal NbdTransmissionFlags FlagsFor(bool canFragment, bool isShared)
    {
        var flags = NbdTransmissionFlags.HasFlags | NbdTransmissionFlags.SendFlush | NbdTransmissionFlags.SendForceUnitAccess
            | NbdTransmissionFlags.SendCache;
        flags |= options.IsWritable
            ? NbdTransmissionFlags.SendTrim | NbdTransmissionFlags.SendWriteZeroes | NbdTransmissionFlags.SendFastZero
            : NbdTransmissionFlags.ReadOnly;
        if (canFragment)
            flags |= NbdTransmissionFlags.SendDoNotFragment;
        if (isShared)
            flags |= NbdTransmissionFlags.CanMultiConnection;
        return flags;
    }

    internal void Add(NbdConnection connection) => connections.Add(connection);

    internal void Remove(NbdConnection connection)
    {
        connections.Remove(connection);
        if (IsEnding && connections.Count == 0)
            abandoned.Succeed();
    }

    /// <summary>
    /// Takes no more clients, disconnects those there are, and leaves the node when their requests have ended; the caller does not hold the graph's
    /// change.
    /// </summary>
    internal async ValueTask CloseAsync()
    {
        if (IsEnding)
        {
            await closed;
            return;
        }

        IsEnding = true;
        foreach (var connection in connections.ToArray())
            await connection.DisconnectAsync();
        if (connections.Count > 0)
            await abandoned;
        using (await graph.BeginChangeAsync())
        {
            foreach (var bitmap in options.Bitmaps)
                bitmap.IsBusy = false;
            graph.Detach(link);
        }

        closed.Succeed();
    }
}
