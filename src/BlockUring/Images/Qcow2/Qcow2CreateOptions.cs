using System.Numerics;
using BlockUring.Images.Encryption;
using BlockUring.Native.Codecs;
using BlockUring.Storage;

namespace BlockUring.Images.Qcow2;

/// <summary>The creation options, checked as QEMU checks them.</summary>
internal sealed record Qcow2CreateOptions
{
    /// <summary>What stands before the names of the options of encryption.</summary>
    public const string EncryptPrefix = "encrypt.";

    /// <summary>All options, in the order in which `create` prints them.</summary>
    public static IReadOnlyList<CreateOption> All { get; } =
    [
        new("encryption", CreateOptionKind.Bool, "Encrypt the image with format 'aes'. (Deprecated in favor of encrypt.format=aes)"),
        new("encrypt.format", CreateOptionKind.Text, "Encrypt the image, format choices: 'aes', 'luks'"),
        .. LuksCreateOptions.List(EncryptPrefix, "ID of secret providing qcow AES key or LUKS passphrase"),
        new("cluster_size", CreateOptionKind.Size, "qcow2 cluster size", "65536"),
        new("extended_l2", CreateOptionKind.Bool, "Extended L2 tables", "off"),
        new("preallocation", CreateOptionKind.Text, "Preallocation mode (allowed values: off, metadata, falloc, full)"),
        new("compression_type", CreateOptionKind.Text, "Compression method used for image cluster compression", "zlib"),
        new("size", CreateOptionKind.Size, "Virtual disk size"),
        new("compat", CreateOptionKind.Text, "Compatibility level (v2 [0.10] or v3 [1.1])"),
        new("backing_file", CreateOptionKind.Text, "File name of a base image"),
        new("backing_fmt", CreateOptionKind.Text, "Image format of the base image"),
        new("data_file", CreateOptionKind.Text, "File name of an external data file"),
        new("data_file_raw", CreateOptionKind.Bool, "The external data file must stay valid as a raw image"),
        new("lazy_refcounts", CreateOptionKind.Bool, "Postpone refcount updates", "off"),
        new("refcount_bits", CreateOptionKind.Number, "Width of a reference count entry in bits", "16"),
    ];

    public int ClusterBits { get; private init; }

    public int Version { get; private init; }

    public CompressionType Compression { get; private init; }

    public string? DataFile { get; private init; }

    public bool DataFileRaw { get; private init; }

    /// <summary>How guest data is encrypted: one of <see cref="Qcow2.EncryptionMethod"/>.</summary>
    public int EncryptionMethod { get; private init; }

    /// <summary>The LUKS header that the image gets; null for none.</summary>
    public LuksCreateOptions? Encryption { get; private init; }

    public bool ExtendedL2 { get; private init; }

    public bool LazyRefcounts { get; private init; }

    public PreallocationMode Preallocation { get; private init; }

    public int RefcountOrder { get; private init; }

    public string? BackingFile { get; private init; }

    public string? BackingFormat { get; private init; }

    public Qcow2Geometry Geometry => new(ClusterBits, ExtendedL2, RefcountOrder);

    /// <summary>Reads the options of a new image.</summary>
    /// <exception cref="BlockException">One of them, or a combination, is not allowed; the message is QEMU's.</exception>
    public static Qcow2CreateOptions Parse(CreateRequest request)
    {
        // Why: the order of these lines is the order of QEMU's complaints: value types, enumerations, then combinations.
        RefuseUnknown(request);
        var clusterLength = Size(request, "cluster_size", Qcow2Limits.DefaultClusterLength);
        var dataFileRaw = Bool(request, "data_file_raw");
        var (method, encryption) = ParseEncryption(request);
        var extendedL2 = Bool(request, "extended_l2");
        var lazyRefcounts = Bool(request, "lazy_refcounts");
        var refcountBits = Number(request, "refcount_bits", 16);
        var version = request.Option("compat") switch
        {
            null or "1.1" or "v3" => 3,
            "0.10" or "v2" => 2,
            var other => throw NotAccepted("version", other),
        };
        var preallocation = Mode(request.Option("preallocation"));
        var compression = request.Option("compression_type") switch
        {
            null or "zlib" => CompressionType.Zlib,
            "zstd" => CompressionType.Zstd,
            var other => throw NotAccepted("compression-type", other),
        };
        var options = new Qcow2CreateOptions
        {
            Version = version,
            Compression = compression,
            DataFile = request.Option("data_file"),
            DataFileRaw = dataFileRaw,
            EncryptionMethod = method,
            Encryption = encryption,
            ExtendedL2 = extendedL2,
            LazyRefcounts = lazyRefcounts,
            Preallocation = preallocation,
            BackingFile = request.Option("backing_file"),
            BackingFormat = request.Option("backing_fmt"),
        };
        return options.WithClusterLength(clusterLength).WithRefcountBits(refcountBits, "version=v3").WithDataFile();
    }

    /// <summary>Reads the options that change an image's size, for `measure`, whose messages differ a little.</summary>
    public static Qcow2CreateOptions ParseForMeasure(CreateRequest request)
    {
        RefuseUnknown(request);
        var (_, encryption) = ParseEncryption(request);
        var options = new Qcow2CreateOptions
        {
            Version = 3,
            Encryption = encryption,
            ExtendedL2 = Bool(request, "extended_l2"),
            BackingFile = request.Option("backing_file"),
        };
        options = options.WithClusterLength(Size(request, "cluster_size", Qcow2Limits.DefaultClusterLength));
        options = options with
        {
            Version = request.Option("compat") switch
            {
                null or "1.1" => 3,
                "0.10" => 2,
                var other => throw Qcow2Errors.Invalid($"Invalid compatibility level: '{other}'"),
            },
        };
        options = options.WithRefcountBits(Number(request, "refcount_bits", 16), "compat=1.1");
        return options with { Preallocation = MeasuredMode(request.Option("preallocation")) };
    }

    private static PreallocationMode Mode(string? text) =>
        TryMode(text) ?? throw NotAccepted("preallocation", text!);

    private static PreallocationMode MeasuredMode(string? text) =>
        TryMode(text) ?? throw Qcow2Errors.Invalid($"invalid parameter value: {text}");

    private static PreallocationMode? TryMode(string? text) => text switch
    {
        null or "off" => PreallocationMode.Off,
        "metadata" => PreallocationMode.Metadata,
        "falloc" => PreallocationMode.Falloc,
        "full" => PreallocationMode.Full,
        _ => null,
    };

    private static void RefuseUnknown(CreateRequest request)
    {
        foreach (var name in request.Options.Keys.Order(StringComparer.Ordinal))
        {
            // Why: these two belong to the file below, which is not this format's business.
            if (name is not ("nocow" or "extent_size_hint") && !All.Any(option => option.Name == name))
                throw Qcow2Errors.Invalid($"Invalid parameter '{name}'");
        }
    }

    // The password is looked for here already: nothing is made before it is there.
    private static (int Method, LuksCreateOptions? Luks) ParseEncryption(CreateRequest request)
    {
        var format = request.Option("encrypt.format");
        if (Bool(request, "encryption"))
        {
            format = format == null
                ? "aes"
                : throw Qcow2Errors.Invalid("'encrypt.format' and its alias 'encryption' can't be used at the same time");
        }

        switch (format)
        {
            case null when request.Options.Keys.Any(static name => name.StartsWith(EncryptPrefix, StringComparison.Ordinal)):
                throw Qcow2Errors.Invalid("Parameter 'encrypt.format' is missing");
            case null:
                return (Qcow2.EncryptionMethod.None, null);
            case "luks":
                var luks = LuksCreateOptions.Parse(request, EncryptPrefix);
                luks.Password(request, EncryptPrefix);
                return (Qcow2.EncryptionMethod.Luks, luks);
            case "aes":
                request.Secrets.Password(request.Option("encrypt.key-secret") ?? throw EncryptionErrors.NoSecret(EncryptPrefix));
                return (Qcow2.EncryptionMethod.Aes, null);
            default:
                throw NotAccepted("format", format);
        }
    }

    private Qcow2CreateOptions WithClusterLength(long length)
    {
        if (ExtendedL2 && Version < 3)
            throw NeedsVersion3("Extended L2 entries are only supported");
        if (!BitOperations.IsPow2(length) || length is < (1 << Qcow2Limits.MinClusterBits) or > (1 << Qcow2Limits.MaxClusterBits))
        {
            throw Qcow2Errors.Invalid(
                $"Cluster size must be a power of two between {1 << Qcow2Limits.MinClusterBits} and {1 << (Qcow2Limits.MaxClusterBits - 10)}k");
        }

        const int minExtended = Qcow2Limits.SubclusterCount << Qcow2Limits.MinClusterBits;
        if (ExtendedL2 && length < minExtended)
            throw Qcow2Errors.Invalid($"Extended L2 entries are only supported with cluster sizes of at least {minExtended} bytes");
        if (BackingFile != null && Preallocation != PreallocationMode.Off && !ExtendedL2)
            throw Qcow2Errors.Invalid("Backing file and preallocation can only be used at the same time if extended_l2 is on");
        if (BackingFormat != null && BackingFile == null)
            throw Qcow2Errors.Invalid("Backing format cannot be used without backing file");
        if (LazyRefcounts && Version < 3)
            throw NeedsVersion3("Lazy refcounts only supported");
        return this with { ClusterBits = BitOperations.Log2((ulong)length) };
    }

    private Qcow2CreateOptions WithRefcountBits(ulong bits, string howToUpgrade)
    {
        if (bits > 64 || !BitOperations.IsPow2(bits))
            throw Qcow2Errors.Invalid("Refcount width must be a power of two and may not exceed 64 bits");
        if (Version < 3 && bits != 16)
        {
            throw Qcow2Errors.Invalid(
                $"Different refcount widths than 16 bits require compatibility level 1.1 or above (use {howToUpgrade} or greater)");
        }

        return this with { RefcountOrder = BitOperations.Log2(bits) };
    }

    private Qcow2CreateOptions WithDataFile()
    {
        if (DataFileRaw && DataFile == null)
            throw Qcow2Errors.Invalid("data-file-raw requires data-file");
        if (DataFileRaw && BackingFile != null)
            throw Qcow2Errors.Invalid("Backing file and data-file-raw cannot be used at the same time");
        if (DataFile != null && Version < 3)
            throw NeedsVersion3("External data files are only supported");
        if (Compression != CompressionType.Zlib && Version < 3)
            throw NeedsVersion3("Non-zlib compression type is only supported");

        // Why: a raw data file must read the same through the tables and without them, so the tables map all of it one to one.
        return DataFileRaw && Preallocation == PreallocationMode.Off ? this with { Preallocation = PreallocationMode.Metadata } : this;
    }

    private static long Size(CreateRequest request, string name, long defaultValue) =>
        request.Option(name) is { } text ? OptionText.ParseSize(name, text) : defaultValue;

    private static bool Bool(CreateRequest request, string name) =>
        request.Option(name) is { } text && OptionText.ParseBool(name, text);

    private static ulong Number(CreateRequest request, string name, ulong defaultValue) =>
        request.Option(name) is { } text ? OptionText.ParseNumber(name, text) : defaultValue;

    private static BlockException NotAccepted(string name, string value) =>
        Qcow2Errors.Invalid($"Parameter '{name}' does not accept value '{value}'");

    private static BlockException NeedsVersion3(string what) =>
        Qcow2Errors.Invalid($"{what} with compatibility level 1.1 and above (use version=v3 or greater)");
}
