namespace BlockUring.Images.Qcow2;

/// <summary>The options that opening a qcow2 image takes, with QEMU's names.</summary>
/// <param name="DataFileName">The external data file, instead of the one that the header names.</param>
/// <param name="Caches">How much of the tables is kept in memory.</param>
internal sealed record Qcow2OpenOptions(string? DataFileName, Qcow2CacheSizes Caches)
{
    private static readonly string[] BoolNames =
        ["lazy-refcounts", "pass-discard-request", "pass-discard-snapshot", "pass-discard-other",
            "overlap-check.main-header", "overlap-check.active-l1", "overlap-check.active-l2", "overlap-check.refcount-table",
            "overlap-check.refcount-block", "overlap-check.snapshot-table", "overlap-check.inactive-l1", "overlap-check.inactive-l2",
            "overlap-check.bitmap-directory"];

    /// <summary>Takes the format's options out of the tree.</summary>
    public static Qcow2OpenOptions Take(OptionTree options, Qcow2Header header, Qcow2Geometry geometry)
    {
        var dataFile = options.TakeSubtree("data-file");
        var dataFileName = dataFile.Get("filename") ?? dataFile.Get("file.filename");
        var caches = Qcow2CacheSizes.Take(options, header, geometry);
        foreach (var name in BoolNames)
            CheckBool(options, name, header);
        CheckOverlap(options, "overlap-check");
        CheckOverlap(options, "overlap-check.template");
        return new(dataFileName, caches);
    }

    private static void CheckBool(OptionTree options, string name, Qcow2Header header)
    {
        if (!options.TryTake(name, out var text))
            return;
        var value = OptionText.ParseBool(name, text);
        if (name == "lazy-refcounts" && value && header.Version < 3)
            throw Qcow2Errors.Invalid("Lazy refcounts require a qcow2 image with at least qemu 1.1 compatibility level");
    }

    private static void CheckOverlap(OptionTree options, string name)
    {
        if (options.TryTake(name, out var text) && text is not ("none" or "constant" or "cached" or "all"))
        {
            throw Qcow2Errors.Invalid(
                $"Unsupported value '{text}' for qcow2 option 'overlap-check'. Allowed are any of the following: none, constant, cached, all");
        }
    }
}
