using BlockUring.Graph.Filters;
using BlockUring.Images;
using BlockUring.Storage;

namespace BlockUring.Graph;

/// <summary>The one list of kinds of nodes.</summary>
internal static class NodeDrivers
{
    public static IReadOnlyList<NodeDriver> All { get; } =
    [
        new FileDriver("file"),
        new FileDriver("host_device"),
        new NullDriver("null-co"),
        new NullDriver("null-aio"),
        new CopyBeforeWriteDriver(),
        new SnapshotAccessDriver(),
        new ThrottleDriver(),
        new CopyOnReadDriver(),
        new CompressDriver(),
        new BlkdebugDriver(),
        .. ImageFormats.All.Select(f => new FormatDriver(f)),
    ];

    /// <summary>The driver of that name: one of the list, or a protocol of the host; null for none.</summary>
    public static NodeDriver? Find(string name, FileHost host)
    {
        foreach (var driver in All)
        {
            if (driver.Name == name)
                return driver;
        }

        return host.FindProtocol(name) is { } protocol ? new ProtocolDriver(protocol) : null;
    }
}
