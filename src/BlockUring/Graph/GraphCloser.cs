using BlockUring.Storage;

namespace BlockUring.Graph;

/// <summary>The end of a graph.</summary>
public static class GraphCloser
{
    /// <summary>Closes all nodes, those that others use after their users; images are flushed. Nobody but nodes may use nodes any more.</summary>
    /// <param name="graph">Which.</param>
    /// <param name="report">Receives one line for each node that could not be closed cleanly.</param>
    public static async ValueTask CloseAllAsync(BlockGraph graph, Action<string> report)
    {
        using var change = await graph.BeginChangeAsync();
        while (graph.Nodes.Count > 0)
        {
            var node = graph.Nodes.LastOrDefault(n => n.Parents.Count == 0)
                ?? throw new InvalidOperationException($"Node '{graph.Nodes[^1].Name}' cannot be closed: all nodes that are left are in use.");
            try
            {
                await graph.CloseAsync(node);
            }
            catch (BlockException e)
            {
                report(e.Message);
            }
        }
    }
}
