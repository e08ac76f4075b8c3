using BlockUring.Graph;
using BlockUring.Images;
using BlockUring.NativeTests.Uring;
using BlockUring.Storage;

namespace BlockUring.NativeTests.Graph;

/// <summary>A graph over files of the host, on a ring of its own.</summary>
internal static class GraphRun
{
    public static void Run(Func<BlockGraph, Task> test) => RingHost.Run(async thread =>
    {
        var graph = new BlockGraph(thread, new LinuxFileHost(thread));
        await test(graph);
        foreach (var name in graph.Nodes.Where(n => n.IsMonitorOwned).Select(n => n.Name).Reverse().ToArray())
            await GraphOpener.DeleteAsync(graph, name);
    });

    /// <summary>Adds a node by options as text.</summary>
    public static ValueTask<BlockNode> AddAsync(this BlockGraph graph, string options) =>
        GraphOpener.AddAsync(graph, OptionTree.ParseKeyValues(options));
}
