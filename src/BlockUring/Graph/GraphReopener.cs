using BlockUring.Images;
using BlockUring.Storage;

namespace BlockUring.Graph;

/// <summary>Gives nodes other options, as blockdev-reopen does: all of the list or none. What is not given goes back to its default.</summary>
public sealed class GraphReopener
{
    // Options of drivers that may be repeated; their effect is that of the first opening.
    private static readonly string[] Repeatable =
    [
        "lazy-refcounts", "pass-discard-request", "pass-discard-snapshot", "pass-discard-other", "cache-size", "l2-cache-size",
        "l2-cache-entry-size", "refcount-cache-size", "cache-clean-interval", "aio", "aio-max-batch", "drop-cache", "locking", "size", "offset",
        "throttle-group", "bottom", "latency-ns", "read-zeroes",
    ];

    private readonly BlockGraph graph;
    private readonly List<Step> steps = [];

    private GraphReopener(BlockGraph graph) => this.graph = graph;

    /// <summary>Reopens nodes.</summary>
    /// <param name="graph">Where; the caller holds its change.</param>
    /// <param name="list">The options of each, as for blockdev-add.</param>
    /// <exception cref="BlockException">Why not; all nodes are as before.</exception>
    public static async ValueTask ReopenAsync(BlockGraph graph, IReadOnlyList<OptionTree> list)
    {
        var reopener = new GraphReopener(graph);
        foreach (var options in list)
            reopener.Plan(options.Clone());
        using var section = await graph.DrainAsync([.. reopener.steps.Select(s => s.Node)]);
        await reopener.RunAsync();
    }

    private void Plan(OptionTree options)
    {
        if (!options.TryTake("node-name", out var name))
            throw new BlockException(BlockErrorKind.Invalid, "node-name not specified");
        var node = graph.TryFind(name)
            ?? throw new BlockException(BlockErrorKind.NotFound, $"Failed to find node with node-name='{name}'");
        node.Blockers.Demand(name, NodeOperation.Reopen);
        if (options.TryTake("driver", out var driver) && driver != node.DriverName)
            throw new BlockException(BlockErrorKind.Invalid, "Cannot change the option 'driver'");
        if (options.TryTake("filename", out var path) && path != node.FileName)
            throw new BlockException(BlockErrorKind.Invalid, "Cannot change the option 'filename'");
        var step = new Step(node, NodeSettingsText.Take(options, new NodeSettings()));
        PlanBacking(step, options);
        PlanFile(step, options);
        DemandNothingLeft(options);
        steps.Add(step);
        foreach (var link in node.Children.Where(l => l.Node.InheritsFrom == node && l.Role != LinkRole.Backing))
            PlanInherited(step, link.Node);
    }

    private void PlanBacking(Step step, OptionTree options)
    {
        options.TakeSubtree("backing");
        if (!options.TryTake("backing", out var reference))
        {
            if (step.Node.BackingLink != null && step.Node.InheritsFrom == null && step.Node.BackingLink.Node.InheritsFrom != step.Node)
                throw new BlockException(BlockErrorKind.Invalid, $"backing is missing for '{step.Node.Name}'");
            return;
        }

        step.ChangesBacking = true;
        step.Backing = reference.Length == 0 ? null : graph.Find(reference);
    }

    private void PlanFile(Step step, OptionTree options)
    {
        options.TakeSubtree("file");
        options.TakeSubtree("data-file");
        options.TryTake("data-file", out _);
        if (!options.TryTake("file", out var reference))
            return;
        var node = graph.Find(reference);
        if (node == step.Node.Primary?.Node)
            return;
        if (!step.Node.IsFilter)
            throw new BlockException(BlockErrorKind.Invalid, "Cannot change the option 'file'");
        step.File = node;
    }

    // A child that was made inline is writable where its parent is, unless it was told otherwise.
    private void PlanInherited(Step above, BlockNode child)
    {
        if (child.Settings.ReadOnly == above.OldSettings.ReadOnly && above.Settings.ReadOnly != above.OldSettings.ReadOnly)
            steps.Add(new Step(child, child.Settings with { ReadOnly = above.Settings.ReadOnly }));
    }

    private async ValueTask RunAsync()
    {
        try
        {
            foreach (var step in steps)
                await PrepareAsync(step);
            foreach (var step in steps)
                Apply(step);
            foreach (var step in steps)
                DemandWritable(step);
            graph.SolvePermissions();
        }
        catch
        {
            for (var i = steps.Count - 1; i >= 0; i--)
                await UndoAsync(steps[i]);
            graph.SolvePermissions();
            throw;
        }

        foreach (var step in steps)
        {
            if (step.Superseded != null)
                await step.Superseded.DisposeAsync();
            if (step.OldBacking != null)
                await graph.CloseIfUnusedAsync(step.OldBacking.Node);
        }
    }

    private static async ValueTask PrepareAsync(Step step)
    {
        var becomesReadOnly = step.Settings.ReadOnly && !step.OldSettings.ReadOnly;
        if (becomesReadOnly && (PermissionSolver.Together(step.Node).Needed & ImagePermissions.Write) != 0 && !step.Node.Parents.All(IsReopened))
            throw new BlockException(BlockErrorKind.Access, "Cannot make block node read-only, there is a writer on it");
        if (becomesReadOnly)
            await step.Node.FlushAsync();
        if (step.Node is ProtocolNode protocol && step.ChangesFile)
            step.Reopened = await protocol.PrepareReopenAsync(step.Settings);

        // Why: a format above that becomes read-only gives its permission back in the same go.
        static bool IsReopened(NodeLink link) => link.Owner is BlockNode;
    }

    private static void Apply(Step step)
    {
        step.IsApplied = true;
        if (step.Reopened != null)
            step.Superseded = ((ProtocolNode)step.Node).Adopt(step.Reopened, step.Settings);
        else
            step.Node.Settings = step.Settings;
        if (step.ChangesBacking && step.Node.BackingLink?.Node != step.Backing)
            ApplyBacking(step);
        if (step.File != null && step.Node.Primary is { } primary)
        {
            primary.DemandNotFrozen();
            step.OldFile = primary.Node;
            GraphEditor.Retarget(primary, step.File);
        }
    }

    private static void ApplyBacking(Step step)
    {
        step.Node.BackingLink?.DemandNotFrozen();
        if (step.Node is not FormatNode { Image.Format.SupportsBacking: true })
            throw new BlockException(BlockErrorKind.Unsupported, $"Driver '{step.Node.DriverName}' of node '{step.Node.Name}' does not support backing files");
        if (step.Backing != null)
            GraphEditor.DemandNoCycle(step.Node, step.Backing);
        step.OldBacking = step.Node.BackingLink;
        if (step.OldBacking != null)
            step.Node.RemoveChild(step.OldBacking);
        step.NewBacking = step.Backing == null ? null : step.Node.AddChild("backing", LinkRole.Backing, step.Backing);
    }

    private static void DemandWritable(Step step)
    {
        if (!step.Settings.ReadOnly && step.Node is FormatNode and not { DriverName: "raw" } && step.Node.Primary!.Node.IsReadOnly)
            throw new BlockException(BlockErrorKind.Access, "Block node is read-only");
    }

    private static async ValueTask UndoAsync(Step step)
    {
        if (step.IsApplied)
        {
            if (step.OldFile != null)
                GraphEditor.Retarget(step.Node.Primary!, step.OldFile);
            if (step.NewBacking != null)
                step.Node.RemoveChild(step.NewBacking);
            if (step.OldBacking != null)
                step.Node.Restore(step.OldBacking);
            if (step.Superseded != null)
                ((ProtocolNode)step.Node).Adopt(step.Superseded, step.OldSettings);
            step.Node.Settings = step.OldSettings;
        }

        if (step.Reopened != null)
            await step.Reopened.DisposeAsync();
    }

    private static void DemandNothingLeft(OptionTree options)
    {
        foreach (var name in Repeatable)
            options.TryTake(name, out _);
        options.TakeSubtree("overlap-check");
        options.TryTake("overlap-check", out _);
        foreach (var name in options.Values.Keys)
            throw new BlockException(BlockErrorKind.Invalid, $"Cannot change the option '{name}'");
    }

    private sealed class Step(BlockNode node, NodeSettings settings)
    {
        public BlockNode Node { get; } = node;

        public NodeSettings Settings { get; } = settings;

        public NodeSettings OldSettings { get; } = node.Settings;

        public bool ChangesFile => OfFile(Settings) != OfFile(OldSettings);

        public bool ChangesBacking { get; set; }

        public BlockNode? Backing { get; set; }

        public BlockNode? File { get; set; }

        public bool IsApplied { get; set; }

        public BlockFile? Reopened { get; set; }

        public BlockFile? Superseded { get; set; }

        public NodeLink? OldBacking { get; set; }

        public NodeLink? NewBacking { get; set; }

        public BlockNode? OldFile { get; set; }

        // What a file is opened with.
        private static NodeSettings OfFile(NodeSettings settings) => settings with { Unmap = false, DetectZeroes = DetectZeroes.Off };
    }
}
