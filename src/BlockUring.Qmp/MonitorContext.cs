using BlockUring.Graph;
using BlockUring.Jobs;
using BlockUring.Native.Channels;
using BlockUring.Native.Interop;
using BlockUring.Native.Uring;
using BlockUring.Nbd.Client;
using BlockUring.Nbd.Server;
using BlockUring.Qmp.Channels;
using BlockUring.Qmp.Commands;
using BlockUring.Qmp.Exports;
using BlockUring.Qmp.Hmp;
using BlockUring.Qmp.Objects;
using BlockUring.Storage;

namespace BlockUring.Qmp;

/// <summary>What commands work on: everything that one daemon has. Belongs to one thread.</summary>
public sealed class MonitorContext
{
    private readonly List<Chardev> chardevs = [];

    /// <summary>Makes an empty daemon.</summary>
    /// <param name="scheduler">The thread that everything runs on.</param>
    /// <param name="files">Where image files come from.</param>
    /// <param name="warn">Is told what did not go as it should and is no failure of a command.</param>
    public MonitorContext(Scheduler scheduler, FileHost files, Action<string>? warn = null)
    {
        Scheduler = scheduler;
        Files = files;
        Loops = new(scheduler);
        Events = new(scheduler);
        Dispatcher = new(this);
        Graph = new BlockGraph(scheduler, files) { FindObject = Objects.FindService, Warn = warn ?? (_ => { }) };
        Graph.CorruptionFound = (node, found) => Events.Send(
            "BLOCK_IMAGE_CORRUPTED", new("", node.Name, found.Message, found.Offset, found.Length, true), QmpJson.Default.ImageCorruptedData);
        HumanMonitor = new(this);
        Exports = new(this);
        Jobs = new JobList(new JobEventWriter(Events).Write);
    }

    /// <summary>The thread that everything runs on.</summary>
    public Scheduler Scheduler { get; }

    /// <summary>Where image files come from.</summary>
    public FileHost Files { get; }

    /// <summary>The block nodes.</summary>
    public BlockGraph Graph { get; }

    /// <summary>The jobs.</summary>
    public JobList Jobs { get; }

    /// <summary>The human monitor.</summary>
    public HumanMonitor HumanMonitor { get; }

    /// <summary>The character devices, in the order of their creation.</summary>
    public IReadOnlyList<Chardev> Chardevs => chardevs;

    /// <summary>Makes a character device for chardev-add.</summary>
    public Func<ChardevOptions, ValueTask<Chardev>> MakeChardev { get; init; } =
        _ => throw new BlockException(BlockErrorKind.Unsupported, "There are no devices here");

    /// <summary>Listens for the NBD server, for nbd-server-start.</summary>
    public Func<NbdServer, ChardevOptions, NbdListener> ListenForNbd { get; init; } =
        (_, _) => throw new BlockException(BlockErrorKind.Unsupported, "There are no sockets here");

    /// <summary>The NBD server, and all exports.</summary>
    public ExportRegistry Exports { get; }

    /// <summary>Whether a client has asked for the end.</summary>
    public bool IsQuitting { get; private set; }

    /// <summary>Called when a client asks for the end, before it has its answer.</summary>
    public Action? QuitRequested { get; set; }

    internal CommandRegistry Commands { get; } = CommandRegistry.Create();

    internal ObjectRegistry Objects { get; } = new();

    internal EventBroadcast Events { get; }

    internal CommandDispatcher Dispatcher { get; }

    internal SpawnedLoops Loops { get; }

    /// <summary>Adds a character device.</summary>
    /// <exception cref="BlockException">There is one of this id.</exception>
    public void AddChardev(Chardev chardev)
    {
        DemandUnused(chardev.Label);
        chardevs.Add(chardev);
    }

    /// <summary>Makes and adds a character device.</summary>
    /// <exception cref="BlockException">There is one of this id, or it cannot be made.</exception>
    public async ValueTask OpenChardevAsync(ChardevOptions options)
    {
        DemandUnused(options.Id);
        DemandStandardStream(options, null);
        var chardev = await MakeChardev(options);
        chardevs.Add(chardev);
    }

    /// <summary>
    /// Makes a character device in the place of another one, which no monitor uses; where that fails it stays, unless both listen in the same
    /// place.
    /// </summary>
    /// <exception cref="BlockException">It cannot be made.</exception>
    internal async ValueTask ReplaceChardevAsync(Chardev old, ChardevOptions options)
    {
        DemandStandardStream(options, old);
        // Why first in this case: whoever listens in a place takes its socket away with him.
        var isSamePlace = options.Path != null && old.SocketPath == Path.GetFullPath(options.Path);
        if (isSamePlace)
            await RemoveChardevAsync(old);
        chardevs.Add(await MakeChardev(options));
        if (!isSamePlace)
            await RemoveChardevAsync(old);
    }

    /// <summary>Takes out a character device that no monitor uses.</summary>
    internal async ValueTask RemoveChardevAsync(Chardev chardev)
    {
        chardevs.Remove(chardev);
        await chardev.StopAsync();
    }

    /// <summary>A character device; null when there is none of this id.</summary>
    internal Chardev? TryFindChardev(string id) => chardevs.Find(c => c.Label == id);

    /// <summary>The node that a command's "device" or "node-name" means.</summary>
    /// <exception cref="QmpException">There is none.</exception>
    internal BlockNode FindDevice(string name) =>
        Graph.TryFind(name) ?? throw new QmpException($"Cannot find device='{name}' nor node-name='{name}'");

    /// <summary>The node that a command's "node-name" means, where a "device" would be allowed too, which there is none of here.</summary>
    /// <exception cref="QmpException">There is none.</exception>
    internal BlockNode FindNode(string? name, string? device = null) =>
        (name == null ? null : Graph.TryFind(name)) ?? throw new QmpException($"Cannot find device='{device}' nor node-name='{name}'");

    /// <summary>The node that a command's "device" means, which no other node may be above.</summary>
    /// <exception cref="QmpException">There is none, or it is not at the top.</exception>
    internal BlockNode FindRoot(string name)
    {
        var node = FindDevice(name);
        return node.Parents.All(l => l.Owner is not BlockNode) ? node : throw new QmpException("Need a root block node");
    }

    /// <summary>As <see cref="FindRoot"/>, for jobs that bear others beside them: what those have put above the node does not count.</summary>
    /// <exception cref="QmpException">There is none, or it is not at the top.</exception>
    internal BlockNode FindDisk(string name)
    {
        var node = FindDevice(name);
        return IsRoot(node) ? node : throw new QmpException("Need a root block node");
    }

    /// <summary>Whether a node is at the top: nothing is above it but what jobs have put there for their own purposes.</summary>
    internal static bool IsRoot(BlockNode node) => node.Parents.All(l =>
        l.Owner is not BlockNode above || (l.Role == LinkRole.Filtered && IsOfJob(above) && IsRoot(above)));

    /// <summary>The block job that a command means.</summary>
    /// <exception cref="QmpException">There is none.</exception>
    internal BlockJob FindBlockJob(string id)
    {
        try
        {
            return Jobs.FindBlockJob(id);
        }
        catch (BlockException e)
        {
            throw new QmpException(e.Message, QmpErrorClass.DeviceNotActive);
        }
    }

    /// <summary>The credentials that driver nbd is to show, by the id of their object.</summary>
    /// <exception cref="BlockException">There are none of this name, or they are a server's.</exception>
    public NbdTlsUpgrade FindNbdTls(string id)
    {
        try
        {
            var found = Objects.FindTls(id, forServer: false);
            return (plain, hostName) => EncryptAsync(found, plain, hostName);
        }
        catch (QmpException e)
        {
            throw new BlockException(BlockErrorKind.NotFound, e.Message);
        }
    }

    internal void Quit()
    {
        IsQuitting = true;
        QuitRequested?.Invoke();
    }

    private async ValueTask<ByteChannel> EncryptAsync(TlsCredentials credentials, ByteChannel plain, string? hostName)
    {
        try
        {
            return await credentials.EncryptAsync(this, plain, hostName);
        }
        catch (TlsException e)
        {
            throw new BlockException(BlockErrorKind.Io, e.Message, Errno.EIO, e);
        }
    }

    private static bool IsOfJob(BlockNode above) =>
        above is { IsFilter: true, IsMonitorOwned: false } && above.Parents.Any(l => l.Owner is JobNodes);

    private void DemandUnused(string id)
    {
        if (TryFindChardev(id) != null)
            throw new BlockException(BlockErrorKind.Invalid, $"attempt to add duplicate property '{id}' to object (type 'container')");
    }

    private void DemandStandardStream(ChardevOptions options, Chardev? except)
    {
        if (options.Backend == "stdio" && chardevs.Exists(c => c != except && c.IsStandardStream))
            throw new BlockException(BlockErrorKind.Invalid, "cannot use stdio by multiple character devices");
    }
}
