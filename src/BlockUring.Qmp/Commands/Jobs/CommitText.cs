using BlockUring.Graph;
using BlockUring.Jobs.Commit;

namespace BlockUring.Qmp.Commands.Jobs;

/// <summary>Makes a request for a commit out of a command's arguments, with QEMU's words for what does not go together.</summary>
internal static class CommitText
{
    /// <summary>The request.</summary>
    /// <exception cref="QmpException">What does not go together.</exception>
    public static CommitRequest Parse(MonitorContext context, CommitArguments arguments)
    {
        // Why first: clients ask for a device that there is not to learn which arguments the command knows.
        var device = FindDevice(context, arguments.Device);
        device.Blockers.Demand(device.Name, NodeOperation.CommitSource);
        var top = FindTop(context, arguments, device);
        var bottom = FindBase(context, arguments, top);
        foreach (var node in NodeChain.Above(bottom, top).Append(bottom))
            node.Blockers.Demand(node.Name, NodeOperation.CommitTarget);
        if (top == bottom)
            throw new QmpException("cannot commit an image into itself");
        var settings = JobText.Settings(arguments.JobId ?? "", arguments.Speed, arguments.AutoFinalize, arguments.AutoDismiss);
        var request = new CommitRequest(settings, device, top, bottom)
        {
            OnError = JobText.Policy(arguments.OnError),
            BackingFile = arguments.BackingFile,
            FilterName = arguments.FilterNodeName,
            InvalidatesOverlays = arguments.InvalidateOverlays ?? false,
            Protection = Protection(arguments),
        };
        DemandFits(request);
        return request;
    }

    private static OverlayProtection? Protection(CommitArguments arguments)
    {
        if (arguments.Safe == true && arguments.InvalidateOverlays == true)
            throw new QmpException("'safe' and 'invalidate-overlays' are mutually exclusive");
        if (arguments.Safe == true)
            return new OverlayProtection(arguments.Protect ?? [], arguments.ProtectDirectories ?? []);
        if (arguments.Protect != null || arguments.ProtectDirectories != null)
            throw new QmpException($"'{(arguments.Protect != null ? "protect" : "protect-directories")}' is only for a commit with 'safe'");
        return null;
    }

    private static void DemandFits(CommitRequest request)
    {
        if (request.IsActive)
        {
            if (request.BackingFile != null)
            {
                throw new QmpException(
                    "'backing-file' specified, but 'top' " + (request.TopIsActiveLayer ? "is the active layer" : "has a writer on it"));
            }

            return;
        }

        foreach (var overlay in NodeChain.OverlaysOf(request.Top))
            overlay.Blockers.Demand(overlay.Name, NodeOperation.Reopen);
    }

    private static BlockNode FindDevice(MonitorContext context, string name)
    {
        var node = context.Graph.TryFind(name)
            ?? throw new QmpException($"Device '{name}' not found", QmpErrorClass.DeviceNotFound);
        return MonitorContext.IsRoot(node) ? node : throw new QmpException("Need a root block node");
    }

    private static BlockNode FindTop(MonitorContext context, CommitArguments arguments, BlockNode device)
    {
        var (name, path) = (arguments.TopNode, arguments.Top);
        if (name != null && path != null)
            throw new QmpException("'top-node' and 'top' are mutually exclusive");
        if (name != null)
            return FindBelow(context, name, device);
        return path == null || path == device.FileName
            ? device
            : BackingFileSearch.Find(context.Files, device, path) ?? throw new QmpException($"Top image file {path} not found");
    }

    private static BlockNode FindBase(MonitorContext context, CommitArguments arguments, BlockNode top)
    {
        var (name, path) = (arguments.BaseNode, arguments.Base);
        if (name != null && path != null)
            throw new QmpException("'base-node' and 'base' are mutually exclusive");
        if (name != null)
            return FindBelow(context, name, top);
        return path == null
            ? NodeChain.Bottom(top)
            : BackingFileSearch.Find(context.Files, top, path) ?? throw new QmpException($"Can't find '{path}' in the backing chain");
    }

    private static BlockNode FindBelow(MonitorContext context, string name, BlockNode above)
    {
        var node = context.FindNode(name, "");
        return NodeChain.Contains(above, node) ? node : throw new QmpException($"'{name}' is not in this backing file chain");
    }
}
