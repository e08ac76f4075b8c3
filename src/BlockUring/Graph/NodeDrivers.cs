using BlockUring.Graph.Filters;
using BlockUring.Images;

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

    public static NodeDriver? Find(string name)
    {
        foreach (var driver in All)
        {
            if (driver.Name == name)
                return driver;
        }

        return null;
    }
}
