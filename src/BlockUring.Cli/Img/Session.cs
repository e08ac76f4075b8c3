using System.Text;
using BlockUring.Graph;
using BlockUring.Images;
using BlockUring.Native.Uring;
using BlockUring.Nbd.Client;
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
    /// <param name="warn">Receives one line for each file that cannot be used as asked.</param>
    /// <param name="body">The command.</param>
    /// <returns>What <paramref name="body"/> returned; what it throws is thrown.</returns>
    public static T Run<T>(Action<string> warn, Func<FileHost, ValueTask<T>> body) => Run(MetadataOptions, warn, body);

    /// <summary>Runs a command that moves guest data.</summary>
    /// <param name="warn">Receives one line for each file that cannot be used as asked.</param>
    /// <param name="body">The command.</param>
    /// <returns>What <paramref name="body"/> returned; what it throws is thrown.</returns>
    public static T RunBulk<T>(Action<string> warn, Func<FileHost, ValueTask<T>> body) => Run(new IoThreadOptions(), warn, body);

    /// <summary>Runs a command that works on nodes, and closes them.</summary>
    /// <param name="warn">Receives one line for each file that cannot be used as asked.</param>
    /// <param name="gate">Decides which files named inside images may be opened.</param>
    /// <param name="body">The command.</param>
    /// <returns>What <paramref name="body"/> returned; what it throws is thrown.</returns>
    public static T RunOnNodes<T>(Action<string> warn, OpenGate gate, Func<BlockGraph, ValueTask<T>> body) => Run(
        new IoThreadOptions(), warn, host => RunOnNodesAsync(host, warn, gate, body));

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

    private static T Run<T>(IoThreadOptions options, Action<string> warn, Func<FileHost, ValueTask<T>> body)
    {
        try
        {
            return IoThread.Run(options, thread => body(new LinuxFileHost(thread) { Protocols = [new NbdProtocol(thread)], Warn = warn }));
        }
        catch (PlatformNotSupportedException e)
        {
            throw new CommandFailure(e.Message);
        }
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
