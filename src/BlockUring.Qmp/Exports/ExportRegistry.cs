using System.Text;
using System.Text.Json;
using BlockUring.Bitmaps;
using BlockUring.Graph;
using BlockUring.Native.Channels;
using BlockUring.Nbd.Server;
using BlockUring.Nbd.Wire;
using BlockUring.Qmp.Commands;
using BlockUring.Qmp.Commands.Bitmaps;
using BlockUring.Qmp.Commands.Exports;
using BlockUring.Qmp.Objects;

namespace BlockUring.Qmp.Exports;

/// <summary>The NBD server of a daemon, and its exports by id.</summary>
public sealed class ExportRegistry
{
    private readonly MonitorContext context;
    private readonly List<NbdExport> exports = [];
    private NbdServer? server;
    private NbdListener? listener;

    internal ExportRegistry(MonitorContext context) => this.context = context;

    /// <summary>All exports, those that are going too, newest first.</summary>
    internal IEnumerable<NbdExport> All => Enumerable.Reverse(exports);

    /// <summary>Starts the server.</summary>
    /// <exception cref="QmpException">There is one, or an object that is named is missing.</exception>
    /// <exception cref="Storage.BlockException">It cannot listen there.</exception>
    public void StartServer(NbdServerSettings settings)
    {
        if (server != null)
            throw new QmpException("NBD server already running");
        var encrypt = settings.TlsCredentials == null ? null : FindEncryption(settings.TlsCredentials, settings.TlsAuthorization);
        var started = new NbdServer(context.Graph, new NbdServerOptions
        {
            MaxConnections = settings.MaxConnections,
            Encrypt = encrypt,
            RequiresEncryption = encrypt != null,
        });
        listener = context.ListenForNbd(started, settings.Place);
        server = started;
    }

    /// <summary>Stops the server: clients are disconnected, its exports go.</summary>
    /// <exception cref="QmpException">There is none.</exception>
    internal async ValueTask StopServerAsync()
    {
        var (stopped, closing) = (server ?? throw new QmpException("NBD server not running"), listener!);
        (server, listener) = (null, null);
        await closing.StopAsync();
        foreach (var export in exports.ToArray())
            await CloseAsync(stopped, export);
        await stopped.StopAsync();
    }

    /// <summary>Ends all, at the end of the daemon.</summary>
    public ValueTask CloseAllAsync() => server == null ? ValueTask.CompletedTask : StopServerAsync();

    /// <summary>Adds an export.</summary>
    /// <param name="options">"BlockExportOptions" of the definition.</param>
    /// <exception cref="QmpException">Why not.</exception>
    /// <exception cref="Storage.BlockException">Why not.</exception>
    public async ValueTask AddAsync(JsonElement options)
    {
        using var change = await context.Graph.BeginChangeAsync();
        var id = options.GetProperty("id").GetString()!;
        DemandNewId(id);
        var nodeName = options.GetProperty("node-name").GetString()!;
        var node = context.FindNode(nodeName);
        if (options.TryGetProperty("iothread", out var ioThread) && context.Objects.Find<IoThreadObject>(ioThread.GetString()!) == null)
            throw new QmpException($"iothread \"{ioThread}\" not found");
        var isWritable = IsTrue(options, "writable");
        if (isWritable && node.IsReadOnly)
            throw new QmpException("Cannot export read-only node as writable");
        var name = Text(options, "name") ?? nodeName;
        DemandOffer(name, Text(options, "description"));
        exports.Add(server!.Add(new(id, name, node)
        {
            Description = Text(options, "description"),
            IsWritable = isWritable,
            IsWriteThrough = IsTrue(options, "writethrough"),
            HasAllocationDepth = IsTrue(options, "allocation-depth"),
            Bitmaps = options.TryGetProperty("bitmaps", out var bitmaps) ? FindBitmaps(node, bitmaps.EnumerateArray(), isWritable) : [],
        }));
    }

    /// <summary>Adds an export in the older way.</summary>
    /// <exception cref="QmpException">Why not.</exception>
    /// <exception cref="Storage.BlockException">Why not.</exception>
    internal async ValueTask AddAsync(ServerAddArguments arguments)
    {
        using var change = await context.Graph.BeginChangeAsync();
        var node = context.FindDevice(arguments.Device);
        var name = arguments.Name ?? arguments.Device;
        DemandNewId(name);
        // Why: this command makes read-only what cannot be written.
        var isWritable = arguments.Writable == true && !node.IsReadOnly;
        DemandOffer(name, arguments.Description);
        var bitmaps = arguments.Bitmap == null ? [] : new[] { FindBitmap(node, arguments.Bitmap, isWritable) };
        exports.Add(server!.Add(new(name, name, node) { Description = arguments.Description, IsWritable = isWritable, Bitmaps = bitmaps }));
    }

    /// <summary>Begins to remove an export; the event tells of its end.</summary>
    /// <exception cref="QmpException">There is none, or clients use it.</exception>
    internal void Remove(string id, ExportRemoveMode mode)
    {
        var export = exports.Find(e => e.Id == id) ?? throw new QmpException($"Export '{id}' is not found");
        if (export.IsEnding)
            throw new QmpException($"Export '{id}' is already shutting down");
        if (mode == ExportRemoveMode.Safe && export.ConnectionCount > 0)
            throw new QmpException($"export '{id}' still in use");
        var owner = server!;
        context.Loops.Start(() => CloseAsync(owner, export));
    }

    private async ValueTask CloseAsync(NbdServer owner, NbdExport export)
    {
        await owner.RemoveAsync(export);
        if (exports.Remove(export))
            context.Events.Send("BLOCK_EXPORT_DELETED", new(export.Id), QmpJson.Default.ExportIdData);
    }

    private void DemandNewId(string id)
    {
        if (!Identifier.IsOne(id))
            throw new QmpException("Invalid block export id");
        if (exports.Exists(e => e.Id == id))
            throw new QmpException($"Block export id '{id}' is already in use");
    }

    private void DemandOffer(string name, string? description)
    {
        if (server == null)
            throw new QmpException("NBD server not running");
        if (Encoding.UTF8.GetByteCount(name) > NbdLimits.MaxStringBytes)
            throw new QmpException($"export name '{name}' too long");
        if (description != null && Encoding.UTF8.GetByteCount(description) > NbdLimits.MaxStringBytes)
            throw new QmpException($"description '{description}' too long");
        server.DemandNew(name);
    }

    private DirtyBitmap[] FindBitmaps(BlockNode node, IEnumerable<JsonElement> names, bool isWritable)
    {
        var found = new List<DirtyBitmap>();
        foreach (var name in names)
        {
            var bitmap = name.ValueKind == JsonValueKind.String
                ? FindBitmap(node, name.GetString()!, isWritable)
                : FindElsewhere(node, name, isWritable);
            // Why: the first mention makes it busy.
            if (found.Contains(bitmap))
                throw new QmpException($"Bitmap '{bitmap.Name}' is currently in use by another operation and cannot be used");
            found.Add(bitmap);
        }

        return [.. found];
    }

    private DirtyBitmap FindElsewhere(BlockNode node, JsonElement named, bool isWritable)
    {
        var external = named.Deserialize(QmpJson.Default.BitmapArguments)!;
        return Checked(node, BitmapSearch.Find(context, external.Node, external.Name), isWritable);
    }

    private static DirtyBitmap FindBitmap(BlockNode node, string name, bool isWritable)
    {
        for (var below = node; below != null; below = below.IsFilter ? below.Primary?.Node : below.BackingLink?.Node)
        {
            if (below.Bitmaps.Find(name) is { } bitmap)
                return Checked(node, bitmap, isWritable);
        }

        throw new QmpException($"Bitmap '{name}' is not found");
    }

    private static DirtyBitmap Checked(BlockNode node, DirtyBitmap bitmap, bool isWritable)
    {
        bitmap.Demand(BitmapDemands.NotBusy | BitmapDemands.Consistent);
        if (!isWritable && !node.IsReadOnly && bitmap.IsEnabled)
            throw new QmpException($"Enabled bitmap '{bitmap.Name}' incompatible with readonly export");
        return bitmap;
    }

    /// <summary>What makes an encrypted channel of a plain one, for a server.</summary>
    /// <param name="credentials">The id of an object.</param>
    /// <param name="authorization">The id of another one; null for none.</param>
    /// <exception cref="QmpException">There is none.</exception>
    public Func<ByteChannel, ValueTask<ByteChannel?>> FindEncryption(string credentials, string? authorization)
    {
        var found = context.Objects.FindTls(credentials, forServer: true);
        return async plain => await found.EncryptAsync(context, plain, null, name => DemandAuthorized(authorization, name));
    }

    // Why at each handshake: the object may come and go while the server runs, as QEMU allows.
    private void DemandAuthorized(string? authorization, string? name)
    {
        if (authorization == null)
            return;
        if (name == null || context.Objects.Find<UserObject>(authorization) is not IAuthorization rules || !rules.Allows(name))
            throw new TlsException($"TLS x509 authz check for {name} is denied");
    }

    private static bool IsTrue(JsonElement options, string name) => options.TryGetProperty(name, out var value) && value.GetBoolean();

    private static string? Text(JsonElement options, string name) => options.TryGetProperty(name, out var value) ? value.GetString() : null;
}
