using BlockUring.Images.Encryption;
using BlockUring.Storage;

namespace BlockUring.Images.Luks;

/// <summary>LUKS version 1: a header with keys, then the guest's bytes, encrypted.</summary>
internal sealed class LuksDriver : ImageDriver
{
    private const string SecretHelp = "ID of the secret that provides the keyslot passphrase";

    public override string Name => "luks";

    public override IReadOnlyList<CreateOption> CreateOptions { get; } =
        [new("size", CreateOptionKind.Size, "Virtual disk size"), .. LuksCreateOptions.List("", SecretHelp)];

    public override IReadOnlyList<CreateOption> AmendOptions { get; } = LuksAmendment.Options("");

    public override int Probe(ReadOnlySpan<byte> head) => LuksHeader.Starts(head) ? 100 : 0;

    public override async ValueTask<ImageFormat> OpenAsync(OpenContext context)
    {
        context.Options.TryTake("key-secret", out var secret);
        if (context.MetadataOnly)
            return new LuksImage(context.File, await LuksVolume.ReadAsync(context.File));
        var password = context.Secrets.Password(secret ?? throw EncryptionErrors.NoSecret(""));
        var volume = await LuksVolume.ReadAsync(context.File);
        return new LuksImage(context.File, volume, await volume.UnlockAsync(password), context.Secrets, secret);
    }

    public override async ValueTask CreateAsync(FileHost host, CreateRequest request)
    {
        var options = LuksCreateOptions.Parse(request, "");
        var preallocation = ParsePreallocation(request.Option("preallocation"));
        var (header, material) = await LuksVolume.MakeAsync(options, options.Password(request, ""));
        var length = (request.Length + 511) & ~511L;
        if (length < 0 || length > long.MaxValue - header.PayloadOffset)
            throw new BlockException(BlockErrorKind.Limit, "The requested file size is too large", Native.Interop.Errno.EFBIG);
        await using var file = await host.CreateAsync(request.Path, 0, PreallocationMode.Off, request.File);
        await file.SetLengthAsync(header.PayloadOffset + length, preallocation);
        await LuksVolume.WriteNewAsync(file, 0, header, material);
        await file.FlushAsync();
    }

    public override ValueTask<Measurement> MeasureAsync(CreateRequest request, IMeasuredContent? content)
    {
        var options = LuksCreateOptions.Parse(request, "");
        options.Password(request, "");
        var length = options.PayloadOffset + (content?.Length ?? ((request.Length + 511) & ~511L));
        return new(new Measurement(length, length));
    }

    private static PreallocationMode ParsePreallocation(string? text) => text switch
    {
        // Why: the format's metadata is its header, which is there from the start.
        null or "off" or "metadata" => PreallocationMode.Off,
        "falloc" => PreallocationMode.Falloc,
        "full" => PreallocationMode.Full,
        _ => throw EncryptionErrors.Invalid($"invalid parameter value: {text}"),
    };
}
