using BlockUring.Graph;

namespace BlockUring.Qmp.Commands.Jobs;

/// <summary>The target of drive-backup: an image that is made, or opened, by its path.</summary>
internal static class DriveBackupTarget
{
    /// <summary>Makes and opens it; it goes with its last user.</summary>
    /// <param name="graph">Where; the caller holds its change.</param>
    /// <param name="source">What is to be copied.</param>
    /// <param name="arguments">What the user wants.</param>
    /// <param name="sync">What is copied really: without a backing file the top is all there is.</param>
    public static ValueTask<BlockNode> OpenAsync(BlockGraph graph, BlockNode source, DriveBackupArguments arguments, out string sync)
    {
        source.Blockers.Demand(source.Name, NodeOperation.BackupSource);
        var layer = LayerOf(source);
        var backing = arguments.Sync switch
        {
            "top" => layer.BackingLink?.Node,
            "none" => source,
            _ => null,
        };
        sync = arguments.Sync == "top" && backing == null ? "full" : arguments.Sync;
        return OpenAsync(graph, source, arguments, arguments.Format ?? layer.DriverName, backing);
    }

    private static async ValueTask<BlockNode> OpenAsync(
        BlockGraph graph, BlockNode source, DriveBackupArguments arguments, string formatOfSource, BlockNode? backing)
    {
        var exists = arguments.Mode == "existing";
        if (!exists)
            await NewImage.CreateAsync(graph, arguments.Target, formatOfSource, source.Length, backing);
        var settings = source.Settings with
        {
            ReadOnly = false,
            AutoReadOnly = false,
            ForceShare = false,
            Unmap = true,
            DetectZeroes = DetectZeroes.Unmap,
        };
        var format = exists ? arguments.Format : formatOfSource;
        var showsSource = arguments.Sync == "none";
        var target = await NewImage.OpenAsync(graph, arguments.Target, format, null, settings, withBacking: !showsSource);
        try
        {
            if (showsSource)
                await GraphEditor.SetBackingAsync(graph, target, source);
            return target;
        }
        catch
        {
            await graph.CloseIfUnusedAsync(target);
            throw;
        }
    }

    private static BlockNode LayerOf(BlockNode node)
    {
        while (node is { IsFilter: true, Primary: { } primary })
            node = primary.Node;
        return node;
    }
}
