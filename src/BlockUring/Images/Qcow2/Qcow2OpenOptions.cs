namespace BlockUring.Images.Qcow2;

/// <summary>The options that opening a qcow2 image takes, with QEMU's names.</summary>
/// <param name="DataFileName">The external data file, instead of the one that the header names.</param>
/// <param name="CacheBytes">Bound of the L2 table cache.</param>
/// <param name="OverlapChecks">Metadata that no write may overlap with.</param>
/// <param name="KeySecret">The secret with the password of an encrypted image; null for none.</param>
internal sealed record Qcow2OpenOptions(string? DataFileName, long CacheBytes, MetadataKinds OverlapChecks, string? KeySecret)
{
    /// <summary>The bound when none is given. Why: a process stays below 64 MiB; this covers 128 GiB of guest at 64 KiB clusters.</summary>
    public const long DefaultCacheBytes = 16 << 20;

    /// <summary>Why: what a user asks for must not outgrow the pool that the tables live in.</summary>
    public const long MaxCacheBytes = 128 << 20;

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

    private static readonly string[] SizeNames = ["refcount-cache-size", "cache-clean-interval"];

    /// <summary>Takes the format's options out of the tree.</summary>
    public static Qcow2OpenOptions Take(OptionTree options, Qcow2Header header, Qcow2Geometry geometry)
    {
        var dataFile = options.TakeSubtree("data-file");
        var dataFileName = dataFile.Get("filename") ?? dataFile.Get("file.filename");
        var total = TakeSize(options, "cache-size");
        var l2 = TakeSize(options, "l2-cache-size");
        foreach (var name in SizeNames)
            TakeSize(options, name);
        if (TakeSize(options, "l2-cache-entry-size") is { } entry)
            DemandEntryLength(entry, geometry);
        foreach (var name in BoolNames)
            CheckBool(options, name, header);
        var overlapChecks = TakeOverlapChecks(options);
        if (l2 > total)
            throw Qcow2Errors.Invalid("l2-cache-size may not exceed cache-size");
        var bytes = Math.Clamp(l2 ?? total ?? DefaultCacheBytes, 2L * geometry.SliceLength, MaxCacheBytes);
        return new(dataFileName, bytes, overlapChecks, TakeKeySecret(options, header));
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

    private static long? TakeSize(OptionTree options, string name)
    {
        if (!options.TryTake(name, out var text))
            return null;
        return SizeText.TryParse(text, out var value)
            ? value
            : throw Qcow2Errors.Invalid($"Parameter '{name}' expects a non-negative number below 2^64");
    }

    private static void DemandEntryLength(long length, Qcow2Geometry geometry)
    {
        if (length < 512 || length > geometry.ClusterLength || !System.Numerics.BitOperations.IsPow2(length))
        {
            throw Qcow2Errors.Invalid(
                $"L2 cache entry size must be a power of two between 512 and the cluster size ({geometry.ClusterLength})");
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
