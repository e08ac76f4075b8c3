using System.Numerics;
using BlockUring.Images.Encryption;
using BlockUring.Storage;

namespace BlockUring.Images.Qcow2;

/// <summary>The options of an image that can be changed, checked as QEMU checks them; null where one is not given.</summary>
/// <param name="Version">2 or 3: of the image afterwards.</param>
/// <param name="Length">The guest size in bytes.</param>
/// <param name="DataFile">The external data file's name in the header; empty for none.</param>
/// <param name="DataFileRaw">Whether the external data file stays valid as a raw image.</param>
/// <param name="LazyRefcounts">Whether other programs may postpone refcount updates.</param>
/// <param name="RefcountOrder">Log2 of the width of a refcount in bits, afterwards.</param>
/// <param name="Keys">How the passwords change; null when they do not.</param>
internal sealed record Qcow2AmendOptions(
    int Version, long? Length, string? DataFile, bool? DataFileRaw, bool? LazyRefcounts, int RefcountOrder, LuksAmendment? Keys)
{
    /// <summary>All of them.</summary>
    public static IReadOnlyList<CreateOption> All { get; } =
    [
        .. LuksAmendment.Options(Qcow2CreateOptions.EncryptPrefix),
        .. Qcow2CreateOptions.All.Where(o => o.Name is "size" or "compat" or "backing_file" or "backing_fmt" or "data_file" or "data_file_raw"),
        new("lazy_refcounts", CreateOptionKind.Bool, "Postpone refcount updates"),
        new("refcount_bits", CreateOptionKind.Number, "Width of a reference count entry in bits"),
    ];

    /// <summary>Reads the options for an image.</summary>
    /// <exception cref="BlockException">One of them, or a combination, is not possible; the message is QEMU's.</exception>
    public static Qcow2AmendOptions Parse(AmendRequest request, Qcow2Header header)
    {
        var keys = KeysOf(request, header);
        var version = request.Option("compat") switch
        {
            null => header.Version,
            "0.10" or "v2" => 2,
            "1.1" or "v3" => 3,
            var other => throw Qcow2Errors.Invalid($"Unknown compatibility level {other}"),
        };
        var length = request.Option("size") is { } size ? OptionText.ParseSize("size", size) : 0;
        var dataFile = request.Option("data_file");
        if (dataFile != null && !header.HasDataFile)
            throw Qcow2Errors.Invalid("data-file can only be set for images that use an external data file");
        var isRaw = Bool(request, "data_file_raw");
        if (isRaw == true && !header.HasRawDataFile)
            throw Qcow2Errors.Invalid("data-file-raw cannot be set on existing images");
        var isLazy = Bool(request, "lazy_refcounts");
        var order = RefcountOrderOf(request, header, version);
        RefuseBacking(request, header);
        if (isLazy == true && version < 3)
            throw Qcow2Errors.Invalid("Lazy refcounts only supported with compatibility level 1.1 and above (use compat=1.1 or greater)");
        return new(version, length == 0 ? null : length, dataFile, isRaw, isLazy, order, keys);
    }

    private static LuksAmendment? KeysOf(AmendRequest request, Qcow2Header header)
    {
        if (!request.Options.Keys.Any(static name => name.StartsWith(Qcow2CreateOptions.EncryptPrefix, StringComparison.Ordinal)))
            return null;
        return header.EncryptionMethod switch
        {
            EncryptionMethod.None => throw Qcow2Errors.Invalid("Can't amend encryption options - encryption not present"),
            EncryptionMethod.Luks => LuksAmendment.Parse(request.Options, Qcow2CreateOptions.EncryptPrefix, request.Force),
            _ => throw Qcow2Errors.Unsupported("Only LUKS encryption options can be amended"),
        };
    }

    private static int RefcountOrderOf(AmendRequest request, Qcow2Header header, int version)
    {
        if (request.Option("refcount_bits") is not { } text)
            return header.RefcountOrder;
        var bits = OptionText.ParseNumber("refcount_bits", text);
        if (bits > 64 || !BitOperations.IsPow2(bits))
            throw Qcow2Errors.Invalid("Refcount width must be a power of two and may not exceed 64 bits");
        var order = BitOperations.Log2(bits);
        if (order != header.RefcountOrder && version < 3 && bits != 16)
        {
            throw Qcow2Errors.Invalid(
                "Refcount widths other than 16 bits require compatibility level 1.1 or above (use compat=1.1 or greater)");
        }

        return order;
    }

    private static void RefuseBacking(AmendRequest request, Qcow2Header header)
    {
        var (name, format) = (request.Option("backing_file"), request.Option("backing_fmt"));
        if ((name != null || format != null) && (name != header.BackingFileName || format != header.BackingFormat))
            throw Qcow2Errors.Invalid("Cannot amend the backing file\nYou can use 'qemu-img rebase' instead.");
    }

    private static bool? Bool(AmendRequest request, string name) =>
        request.Option(name) is { } text ? OptionText.ParseBool(name, text) : null;
}
