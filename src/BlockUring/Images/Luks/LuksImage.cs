using System.Runtime.CompilerServices;
using BlockUring.Images.Encryption;
using BlockUring.Native.Interop;
using BlockUring.Storage;

namespace BlockUring.Images.Luks;

/// <summary>An open LUKS image: guest offset 0 is the first byte behind the header.</summary>
internal sealed class LuksImage : ImageFormat
{
    private readonly BlockFile file;
    private readonly LuksVolume volume;
    private readonly CipherWorkers? workers;
    private readonly CipherFile? payload;
    private readonly SecretSource secrets = SecretAccess.None;
    private readonly string secret = "";

    /// <summary>An image of which only the header is looked at.</summary>
    public LuksImage(BlockFile file, LuksVolume volume)
    {
        this.file = file;
        this.volume = volume;
        if (file.Length < PayloadOffset)
            throw BlockException.FromErrno(Errno.EIO, "The file ends inside the LUKS header of", file.Path);
    }

    /// <summary>An image with its key, owned from now on.</summary>
    public LuksImage(BlockFile file, LuksVolume volume, SectorKey key, SecretSource secrets, string secret)
        : this(file, volume)
    {
        this.secrets = secrets;
        this.secret = secret;
        workers = new CipherWorkers(key);
        payload = new CipherFile(file, workers, PayloadOffset);
    }

    public override string Name => "luks";

    /// <summary>What follows the header; a last partial sector counts as whole, as in QEMU.</summary>
    public override long Length => (file.Length + 511 & ~511L) - PayloadOffset;

    public override bool IsEncrypted => true;

    private long PayloadOffset => volume.Header.PayloadOffset;

    private CipherFile Payload =>
        payload ?? throw new InvalidOperationException("An image that was opened without its key is read or written.");

    public override ValueTask<Mapping> MapAsync(long guestOffset, long maxLength) =>
        new(new Mapping(MappingKind.Data, maxLength, Payload, PayloadOffset + guestOffset));

    public override bool TryMapForOverwrite(long guestOffset, long length, out BlockFile target, out long hostOffset)
    {
        target = Payload;
        hostOffset = PayloadOffset + guestOffset;
        return true;
    }

    [AsyncMethodBuilder(typeof(PooledTaskBuilder<>))]
    public override async ValueTask<long> ZeroAsync(long guestOffset, long length, bool mayUnmap)
    {
        await Payload.WriteZeroesAsync(PayloadOffset + guestOffset, length, mayUnmap);
        return length;
    }

    /// <summary>See <see cref="ImageFormat.ResizeAsync"/>; what is added reads as noise, as in QEMU.</summary>
    public override ValueTask ResizeAsync(long newLength, PreallocationMode preallocation, bool hidesBacking)
    {
        if (newLength > long.MaxValue - PayloadOffset)
            throw new BlockException(BlockErrorKind.Invalid, "The requested file size is too large", Errno.EFBIG);
        if (preallocation == PreallocationMode.Metadata)
            throw new BlockException(BlockErrorKind.Unsupported, "Unsupported preallocation mode: metadata");
        return file.SetLengthAsync(PayloadOffset + newLength, preallocation);
    }

    public override ValueTask AmendKeysAsync(LuksAmendment change) => new LuksAmender(volume, secrets, secret).RunAsync(change);

    public override ValueTask AmendAsync(AmendRequest request) => AmendKeysAsync(LuksAmendment.Parse(request.Options, "", request.Force));

    public override void DemandOptions(OptionTree options) => options.TryTake("key-secret", out _);

    public override ValueTask FlushAsync() => file.IsReadOnly ? ValueTask.CompletedTask : file.FlushAsync();

    public override ImageDescription Describe() => new()
    {
        IsEncrypted = true,
        Specific = LuksDescription.Of(volume.Header),
    };

    protected override ValueTask CloseAsync()
    {
        workers?.Dispose();
        return ValueTask.CompletedTask;
    }
}
