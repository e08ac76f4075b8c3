using System.Text;
using BlockUring.Graph;
using BlockUring.Images;
using BlockUring.Native.Uring;
using BlockUring.Nbd.Client;
using BlockUring.Qmp.Startup;
using BlockUring.Storage;

namespace BlockUring.Cli.Img;

/// <summary>Runs the I/O of a command: the calling thread becomes an I/O thread with a ring of its own, over the files of this host.</summary>
internal static class Session
{
    // Why: buffers below the size of a huge page, which would have to be cleared whole before its first use.
    // And a small ring without tables: a handful of requests does not earn their set-up and tear-down.
    private static readonly IoThreadOptions MetadataOptions = new()
    {
        Ring = new RingOptions
        {
            Entries = 32,
            Without = RingFeature.RegisteredFiles | RingFeature.RegisteredBuffers | RingFeature.RegisteredRing,
        },
        RegisterBuffers = false,
        BufferArenaLength = 1 << 20,
    };

    /// <summary>Runs a command that looks at metadata: starts fast.</summary>
    /// <param name="context">What the command runs in.</param>
    /// <param name="body">The command.</param>
    /// <returns>What <paramref name="body"/> returned; what it throws is thrown.</returns>
    public static T Run<T>(ImgContext context, Func<FileHost, ValueTask<T>> body) =>
        Run(MetadataOptions, context.Warn, context.TlsObjects, body);

    /// <summary>Runs a command that moves guest data.</summary>
    /// <param name="context">What the command runs in.</param>
    /// <param name="body">The command.</param>
    /// <returns>What <paramref name="body"/> returned; what it throws is thrown.</returns>
    public static T RunBulk<T>(ImgContext context, Func<FileHost, ValueTask<T>> body) =>
        Run(new IoThreadOptions(), context.Warn, context.TlsObjects, body);

    /// <summary>Runs a command that works on nodes, and closes them.</summary>
    /// <param name="context">What the command runs in.</param>
    /// <param name="gate">Decides which files named inside images may be opened.</param>
    /// <param name="body">The command.</param>
    /// <returns>What <paramref name="body"/> returned; what it throws is thrown.</returns>
    public static T RunOnNodes<T>(ImgContext context, OpenGate gate, Func<BlockGraph, ValueTask<T>> body) => Run(
        new IoThreadOptions(), context.Warn, context.TlsObjects, host => RunOnNodesAsync(host, context.Warn, gate, body));

    private static async ValueTask<T> RunOnNodesAsync<T>(FileHost host, Action<string> warn, OpenGate gate, Func<BlockGraph, ValueTask<T>> body)
    {
        var graph = new BlockGraph(IoThread.Current, host) { Warn = warn, Gate = gate };
        var hasFailed = true;
        try
        {
            var result = await body(graph);
            hasFailed = false;
            return result;
        }
        finally
        {
            // Why: what has failed has been said.
            await GraphCloser.CloseAllAsync(graph, hasFailed ? _ => { } : warn);
        }
    }

    /// <summary>What of io_uring is used on this host, in lines.</summary>
    public static string DescribeRing() => IoThread.Run(new IoThreadOptions(), thread => new ValueTask<string>(Describe(thread.Features)));

    /// <summary>Runs what looks at metadata and is no command with options.</summary>
    public static T Run<T>(Action<string> warn, Func<FileHost, ValueTask<T>> body) => Run(MetadataOptions, warn, [], body);

    private static T Run<T>(IoThreadOptions options, Action<string> warn, IEnumerable<string> tlsObjects, Func<FileHost, ValueTask<T>> body)
    {
        try
        {
            return IoThread.Run(options, thread => RunAsync(thread, warn, tlsObjects, body));
        }
        catch (PlatformNotSupportedException e)
        {
            throw new CommandFailure(e.Message);
        }
    }

    private static async ValueTask<T> RunAsync<T>(
        IoThread thread, Action<string> warn, IEnumerable<string> tlsObjects, Func<FileHost, ValueTask<T>> body)
    {
        if (!tlsObjects.Any())
            return await body(new LinuxFileHost(thread) { Protocols = [new NbdProtocol(thread)], Warn = warn });
        Func<string, NbdTlsUpgrade>? find = null;
        var host = new LinuxFileHost(thread) { Protocols = [new NbdProtocol(thread) { FindTls = id => find!(id) }], Warn = warn };
        find = await ClientCredentials.MakeAsync(thread, host, tlsObjects);
        return await body(host);
    }

    private static string Describe(RingFeatures features)
    {
        var text = new StringBuilder($"ring: {features.SqEntries} submission entries, {features.CqEntries} completion entries\n");
        foreach (var feature in Enum.GetValues<RingFeature>().Where(f => f != 0))
            text.Append($"{feature}: {(features.Has(feature) ? "yes" : "no")}\n");
        foreach (var note in features.Notes)
            text.Append($"note: {note}\n");
        return text.ToString().TrimEnd('\n');
    }
}
