using BlockUring.Images;
using BlockUring.Storage;

namespace BlockUring.Graph;

/// <summary>Gives nodes other options, as blockdev-reopen does: all of the list or none. What is not given goes back to its default.</summary>
public sealed class GraphReopener
{
    // Options that may be given, changed and left out; their effect stays that of the opening.
    private static readonly string[] Tunings =
    [
        "lazy-refcounts", "pass-discard-request", "pass-discard-snapshot", "pass-discard-other", "cache-size", "l2-cache-size",
        "l2-cache-entry-size", "refcount-cache-size", "cache-clean-interval", "aio", "aio-max-batch", "drop-cache", "locking",
        "overlap-check", "x-check-cache-dropped", "pr-manager",
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

    /// <summary>Makes a node, and what was defined inside it, read-only or writable; its other options stay.</summary>
    /// <param name="graph">Where; the caller holds its change.</param>
    /// <param name="node">The node.</param>
    /// <param name="readOnly">Which of the two.</param>
    /// <exception cref="BlockException">Why not; all nodes are as before.</exception>
    public static async ValueTask SetReadOnlyAsync(BlockGraph graph, BlockNode node, bool readOnly)
    {
        if (node.Settings.ReadOnly == readOnly)
            return;
        var reopener = new GraphReopener(graph);
        var step = new Step(node, node.Settings with { ReadOnly = readOnly });
        reopener.steps.Add(step);
        foreach (var link in node.Children.Where(l => l.Node.InheritsFrom == node && l.Role != LinkRole.Backing))
            reopener.PlanInherited(step, link.Node);
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
        Plan(node, options, new NodeSettings());
    }

    private void Plan(BlockNode node, OptionTree options, NodeSettings defaults)
    {
        if (options.TryTake("driver", out var driver) && driver != node.DriverName)
            throw new BlockException(BlockErrorKind.Invalid, "Cannot change the option 'driver'");
        var step = new Step(node, NodeSettingsText.Take(options, defaults));
        steps.Add(step);
        PlanBacking(step, options);
        foreach (var link in node.Children.Where(l => l.Role != LinkRole.Backing))
            PlanChild(step, link, options);
        step.Committed = node.PlanReopen(graph, options);
        DemandUnchanged(node, options);
    }

    private void PlanBacking(Step step, OptionTree options)
    {
        var inline = options.TakeSubtree("backing");
        if (options.TryTake("backing", out var reference))
        {
            step.ChangesBacking = true;
            step.Backing = reference.Length == 0 ? null : Find(reference);
        }
        else if (inline.IsEmpty && step.Node is FormatNode { Image.Format: { SupportsBacking: true } format } &&
            (step.Node.BackingLink ?? (object?)format.BackingFileName) != null)
        {
            throw new BlockException(BlockErrorKind.Invalid, $"backing is missing for '{step.Node.Name}'");
        }
        else if (!inline.IsEmpty && step.Node.BackingLink?.Node is { } child)
        {
            PlanInline(step, child, "backing", inline, child.Settings with { ReadOnly = true });
        }
    }

    // A child by name may be another one from now on; a child inline gets other options, and is the same.
    private void PlanChild(Step step, NodeLink link, OptionTree options)
    {
        var inline = options.TakeSubtree(link.Name);
        if (!inline.IsEmpty)
        {
            PlanInline(step, link.Node, link.Name, inline, Inherited(step));
            return;
        }

        if (options.TryTake(link.Name, out var reference) && Find(reference) is var child && child != link.Node)
        {
            if (link.Role != LinkRole.Filtered || link.Name != "file")
                throw new BlockException(BlockErrorKind.Invalid, $"Cannot change the option '{link.Name}'");
            if (GraphEditor.Reaches(child, step.Node))
                throw new BlockException(BlockErrorKind.Invalid, $"Making '{child.Name}' a file child of '{step.Node.Name}' would create a cycle");
            step.File = child;
        }
        else
        {
            PlanInherited(step, link.Node);
        }
    }

    private void PlanInline(Step above, BlockNode child, string key, OptionTree options, NodeSettings defaults)
    {
        if (child.InheritsFrom != above.Node)
            throw new BlockException(BlockErrorKind.Invalid, $"Cannot change the option '{key}.{options.Values.Keys.First()}'");
        if (options.TryTake("node-name", out var name) && name != child.Name)
            throw new BlockException(BlockErrorKind.Invalid, $"Cannot change the option '{key}.node-name'");
        Plan(child, options, defaults);
    }

    // A child that was made inline follows its parent in what it took over from it.
    private void PlanInherited(Step above, BlockNode child)
    {
        if (child.InheritsFrom != above.Node || above.Settings == above.OldSettings)
            return;
        var (own, old, now) = (child.Settings, above.OldSettings, above.Settings);
        var step = new Step(child, own with
        {
            ReadOnly = own.ReadOnly == old.ReadOnly ? now.ReadOnly : own.ReadOnly,
            ForceShare = own.ForceShare == old.ForceShare ? now.ForceShare : own.ForceShare,
            Direct = own.Direct == old.Direct ? now.Direct : own.Direct,
            NoFlush = own.NoFlush == old.NoFlush ? now.NoFlush : own.NoFlush,
        });
        if (step.Settings == own)
            return;
        steps.Add(step);
        foreach (var link in child.Children.Where(l => l.Role != LinkRole.Backing))
            PlanInherited(step, link.Node);
    }

    private static NodeSettings Inherited(Step above) => above.Settings with { Unmap = true, DetectZeroes = DetectZeroes.Off };

    private BlockNode Find(string reference) =>
        graph.TryFind(reference)
            ?? throw new BlockException(BlockErrorKind.NotFound, $"Cannot find device='' nor node-name='{reference}'");

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
            step.Committed?.Invoke();
            if (step.OldBacking != null)
                await graph.CloseIfUnusedAsync(step.OldBacking.Node);
            if (step.OldFile != null)
                await graph.CloseIfUnusedAsync(step.OldFile);
        }
    }

    private static async ValueTask PrepareAsync(Step step)
    {
        var becomesReadOnly = step.Settings.ReadOnly && !step.OldSettings.ReadOnly;
        if (becomesReadOnly && (PermissionSolver.Together(step.Node).Needed & ImagePermissions.Write) != 0 && !step.Node.Parents.All(IsReopened))
            throw new BlockException(BlockErrorKind.Access, $"Read-only block node '{step.Node.Name}' cannot support read-write users");
        if (becomesReadOnly)
            await step.Node.BecomeReadOnlyAsync();
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

    private static void DemandUnchanged(BlockNode node, OptionTree options)
    {
        foreach (var (name, value) in options.Values)
        {
            if (!IsFree(node, name) && node.GivenOptions.Get(name) != value)
                throw new BlockException(BlockErrorKind.Invalid, $"Cannot change the option '{name}'");
        }

        foreach (var name in node.GivenOptions.Values.Keys)
        {
            if (!IsFree(node, name) && options.Get(name) == null)
                throw new BlockException(BlockErrorKind.Invalid, $"Option '{name}' cannot be reset to its default value");
        }
    }

    private static bool IsFree(BlockNode node, string name) =>
        Tunings.Contains(name) || name.StartsWith("overlap-check.", StringComparison.Ordinal) || node.ChangeableOptions.Contains(name);

    private sealed class Step(BlockNode node, NodeSettings settings)
    {
        public BlockNode Node { get; } = node;

        public NodeSettings Settings { get; } = settings;

        public NodeSettings OldSettings { get; } = node.Settings;

        public bool ChangesFile => OfFile(Settings) != OfFile(OldSettings);

        public bool ChangesBacking { get; set; }

        public BlockNode? Backing { get; set; }

        public BlockNode? File { get; set; }

        public Action? Committed { get; set; }

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
