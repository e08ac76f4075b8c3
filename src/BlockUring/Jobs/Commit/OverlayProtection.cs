namespace BlockUring.Jobs.Commit;

/// <summary>
/// What somebody who wants a safe commit says of the overlays that are to stay as they are, besides those that are open as nodes: these are kept
/// anyway.
/// </summary>
/// <param name="Names">Images by node name or file name. For one that lies higher, the one below it that is right over the base is kept.</param>
/// <param name="Directories">Where to look for such images; not in directories below.</param>
public sealed record OverlayProtection(IReadOnlyList<string> Names, IReadOnlyList<string> Directories);
