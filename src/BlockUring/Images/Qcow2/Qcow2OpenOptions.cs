namespace BlockUring.Images.Qcow2;

/// <summary>The options that opening a qcow2 image takes, with QEMU's names.</summary>
/// <param name="DataFileName">The external data file, instead of the one that the header names.</param>
/// <param name="Caches">How much of the tables is kept in memory.</param>
/// <param name="OverlapChecks">Metadata that no write may overlap with.</param>
/// <param name="KeySecret">The secret with the password of an encrypted image; null for none.</param>
internal sealed record Qcow2OpenOptions(string? DataFileName, Qcow2CacheSizes Caches, MetadataKinds OverlapChecks, string? KeySecret)
{
    private static readonly string[] BoolNames =
        ["lazy-refcounts", "pass-discard-request", "pass-discard-snapshot", "pass-discard-other"];

    private static readonly (string Name, MetadataKinds Kind)[] OverlapNames =
    [
        ("overlap-check.main-header", MetadataKinds.MainHeader),
        ("overlap-check.active-l1", MetadataKinds.ActiveL1),
        ("overlap-check.active-l2", MetadataKinds.ActiveL2),
        ("overlap-check.refcount-table", MetadataKinds.RefcountTable),
        ("overlap-check.refcount-block", MetadataKinds.RefcountBlock),
        ("overlap-check.snapshot-table", MetadataKinds.SnapshotTable),
        ("overlap-check.inactive-l1", MetadataKinds.InactiveL1),
        ("overlap-check.inactive-l2", MetadataKinds.InactiveL2),
        ("overlap-check.bitmap-directory", MetadataKinds.BitmapDirectory),
    ];

    /// <summary>Takes the format's options out of the tree.</summary>
    public static Qcow2OpenOptions Take(OptionTree options, Qcow2Header header, Qcow2Geometry geometry)
    {
        var dataFile = options.TakeSubtree("data-file");
        var dataFileName = dataFile.Get("filename") ?? dataFile.Get("file.filename");
        var caches = Qcow2CacheSizes.Take(options, header, geometry);
        foreach (var name in BoolNames)
            CheckBool(options, name, header);
        return new(dataFileName, caches, TakeOverlapChecks(options), TakeKeySecret(options, header));
    }

    private static string? TakeKeySecret(OptionTree options, Qcow2Header header)
    {
        options.TryTake("encrypt.format", out var format);
        options.TryTake("encrypt.key-secret", out var secret);
        foreach (var name in options.TakeSubtree("encrypt").Values.Keys)
            throw Qcow2Errors.Invalid($"Parameter '{name}' is unexpected");
        switch (header.EncryptionMethod)
        {
            case EncryptionMethod.None when format != null:
                throw Qcow2Errors.Invalid($"No encryption in image header, but options specified format '{format}'");
            case EncryptionMethod.Aes when format is not (null or "aes"):
                throw Qcow2Errors.Invalid($"Header reported 'aes' encryption format but options specify '{format}'");
            case EncryptionMethod.Luks when format is not (null or "luks"):
                throw Qcow2Errors.Invalid($"Header reported 'luks' encryption format but options specify '{format}'");
            case > EncryptionMethod.Luks:
                throw Qcow2Errors.Invalid($"Unsupported encryption method {header.EncryptionMethod}");
            default:
                return secret;
        }
    }

    private static void CheckBool(OptionTree options, string name, Qcow2Header header)
    {
        if (!options.TryTake(name, out var text))
            return;
        var value = OptionText.ParseBool(name, text);
        if (name == "lazy-refcounts" && value && header.Version < 3)
            throw Qcow2Errors.Invalid("Lazy refcounts require a qcow2 image with at least qemu 1.1 compatibility level");
    }

    // A template, and exceptions from it.
    private static MetadataKinds TakeOverlapChecks(OptionTree options)
    {
        var checks = Template(options, "overlap-check.template", Template(options, "overlap-check", MetadataKinds.Cached));
        foreach (var (name, kind) in OverlapNames)
        {
            if (options.TryTake(name, out var text))
                checks = OptionText.ParseBool(name, text) ? checks | kind : checks & ~kind;
        }

        return checks;
    }

    private static MetadataKinds Template(OptionTree options, string name, MetadataKinds defaultKinds)
    {
        if (!options.TryTake(name, out var text))
            return defaultKinds;
        return text switch
        {
            "none" => MetadataKinds.None,
            "constant" => MetadataKinds.Constant,
            "cached" => MetadataKinds.Cached,
            "all" => MetadataKinds.All,
            _ => throw Qcow2Errors.Invalid(
                $"Unsupported value '{text}' for qcow2 option 'overlap-check'. Allowed are any of the following: none, constant, cached, all"),
        };
    }
}
