using System.Text;
using BlockUring.Bitmaps;
using BlockUring.Cli.Daemon;
using BlockUring.Cli.Img;
using BlockUring.Graph;
using BlockUring.Images;
using BlockUring.Native.Uring;
using BlockUring.Nbd.Server;
using BlockUring.Nbd.Wire;
using BlockUring.Qmp;
using BlockUring.Qmp.Channels;
using BlockUring.Qmp.Exports;
using BlockUring.Qmp.Startup;
using BlockUring.Storage;

namespace BlockUring.Cli.Nbd;

/// <summary>One image and its server, from start to end, on one I/O thread.</summary>
internal sealed class NbdRun
{
    private readonly DaemonContext context;
    private readonly NbdSettings settings;
    private readonly IoThread thread;
    private readonly MonitorContext monitor;
    private readonly Arrival end = new();
    private bool isEnding;

    private NbdRun(DaemonContext context, NbdSettings settings, IoThread thread)
    {
        this.context = context;
        this.settings = settings;
        this.thread = thread;
        monitor = new(thread, new LinuxFileHost(thread) { Warn = Warn }, Warn);

        void Warn(string message) => context.Report($"warning: {message}");
    }

    /// <summary>Runs it.</summary>
    /// <param name="context">What it runs in.</param>
    /// <param name="settings">How.</param>
    /// <param name="image">The file, or its options.</param>
    /// <returns>The exit code.</returns>
    /// <exception cref="CommandFailure">It did not start.</exception>
    public static int Run(DaemonContext context, NbdSettings settings, string image)
    {
        try
        {
            return IoThread.Run(new IoThreadOptions(), thread => new NbdRun(context, settings, thread).RunAsync(image));
        }
        catch (Exception e) when (e is PlatformNotSupportedException or BlockException or QmpException)
        {
            throw new CommandFailure(e.Message);
        }
    }

    private async ValueTask<int> RunAsync(string image)
    {
        DemandTexts();
        await DefineObjectsAsync();
        var server = new NbdServer(monitor.Graph, ServerOptions());
        server.ClientGone = hadExport => NoteClientGone(hadExport && server.ConnectionCount == 0);
        var listener = NbdListening.Open(thread, server, Place());
        try
        {
            var export = await OpenAsync(server, image);
            await ServeAsync();
            await listener.StopAsync();
            await server.RemoveAsync(export);
        }
        finally
        {
            await listener.StopAsync();
            await server.StopAsync();
            await GraphCloser.CloseAllAsync(monitor.Graph, context.Report);
        }

        return 0;
    }

    private async ValueTask DefineObjectsAsync()
    {
        var startup = new StartupOptions(monitor, new QmpServer(monitor));
        foreach (var definition in settings.Objects)
            context.Output.Out.Write(await startup.AddObjectAsync(definition));
    }

    private NbdServerOptions ServerOptions()
    {
        try
        {
            var encrypt = settings.TlsCredentials == null
                ? null
                : monitor.Exports.FindEncryption(settings.TlsCredentials, settings.TlsAuthorization);
            return new() { MaxConnections = settings.MaxConnections, Encrypt = encrypt, RequiresEncryption = encrypt != null };
        }
        catch (QmpException e)
        {
            throw new CommandFailure($"Failed to get TLS creds: {e.Message}");
        }
    }

    private ChardevOptions Place() => new ChardevOptions
    {
        Backend = "socket",
        Id = "nbd",
        IsServer = true,
        Path = settings.SocketPath,
        Host = settings.Host,
        Port = settings.Port,
    }.Check();

    private void DemandTexts()
    {
        if (Encoding.UTF8.GetByteCount(settings.ExportName) > NbdLimits.MaxStringBytes)
            throw new CommandFailure($"export name '{settings.ExportName}' too long");
        if (Encoding.UTF8.GetByteCount(settings.Description ?? "") > NbdLimits.MaxStringBytes)
            throw new CommandFailure($"export description '{settings.Description}' too long");
    }

    private async ValueTask<NbdExport> OpenAsync(NbdServer server, string image)
    {
        using var change = await monitor.Graph.BeginChangeAsync();
        var node = await OpenNodeAsync(image);
        if (settings.Snapshot != null && node is FormatNode format)
            await settings.Snapshot.LoadAsync(format.Image);
        else if (settings.Snapshot != null)
            throw new CommandFailure("Failed to load snapshot: Can't find snapshot");
        if (settings.Offset > node.Length)
            throw new CommandFailure($"Offset ({settings.Offset}) cannot be greater than size of the containing file ({node.Length})");
        return server.Add(new("nbd", settings.ExportName, node)
        {
            Description = settings.Description,
            IsWritable = !settings.IsReadOnly,
            IsWriteThrough = settings.Cache?.WriteThrough == true,
            HasAllocationDepth = settings.HasAllocationDepth,
            Offset = settings.Offset,
            Bitmaps = [.. settings.Bitmaps.Select(name => FindBitmap(node, name))],
        });
    }

    private async ValueTask<BlockNode> OpenNodeAsync(string image)
    {
        var cache = settings.Cache ?? CacheMode.Writeback;
        var node = new NodeSettings
        {
            ReadOnly = settings.IsReadOnly,
            Direct = cache.Direct,
            NoFlush = cache.NoFlush,
            Unmap = settings.Unmaps,
            DetectZeroes = settings.DetectZeroes,
        };
        try
        {
            var opened = await GraphOpener.OpenAsync(monitor.Graph, OptionsOf(image), node);
            if (settings.Format == null && !settings.HasImageOptions && !settings.IsReadOnly && opened.DriverName == "raw")
                WarnOfGuess(image);
            return opened;
        }
        catch (BlockException e)
        {
            throw CommandFailure.Because($"Failed to blk_new_open '{image}': ", e);
        }
    }

    private OptionTree OptionsOf(string image)
    {
        if (settings.HasImageOptions)
            return ImageOpener.ParseOptions(image);
        var options = new OptionTree();
        if (settings.Format != null)
            options.Set("driver", settings.Format);
        options.Set("file.driver", "file");
        options.Set("file.filename", FormatChoice.DemandFile(image));
        return options;
    }

    private void WarnOfGuess(string image) => context.Output.Error.Write(
        $"WARNING: Image format was not specified for '{image}' and probing guessed raw.\n"
        + "         Automatically detecting the format is dangerous for raw images, write operations on block 0 will be restricted.\n"
        + "         Specify the 'raw' format explicitly to remove the restrictions.\n");

    private DirtyBitmap FindBitmap(BlockNode node, string name)
    {
        var bitmap = node.Bitmaps.Find(name) ?? throw new CommandFailure($"Bitmap '{name}' is not found");
        bitmap.Demand(BitmapDemands.NotBusy | BitmapDemands.Consistent);
        if (settings.IsReadOnly && !node.IsReadOnly && bitmap.IsEnabled)
            throw new CommandFailure($"Enabled bitmap '{name}' incompatible with readonly export");
        return bitmap;
    }

    private async ValueTask ServeAsync()
    {
        using var interruption = new Interruption();
        using var registration = interruption.Token.Register(() => thread.Post(End));
        using var pidFile = settings.PidPath == null ? null : PidFile.Create(settings.PidPath);
        if (settings.Forks)
            Background.EndStart(context);
        await end;
    }

    private void NoteClientGone(bool wasLast)
    {
        if (wasLast && !settings.IsPersistent)
            End();
    }

    private void End()
    {
        if (isEnding)
            return;
        isEnding = true;
        thread.Post(end.Succeed);
    }
}
