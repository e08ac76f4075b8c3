using BlockUring.Images.Encryption;
using BlockUring.Storage;

namespace BlockUring.Images.Qcow2;

/// <summary>The encryption of an open image's guest data. Metadata and compressed clusters are never encrypted.</summary>
internal sealed class Qcow2Encryption : IDisposable
{
    private const int AesKeyLength = 16;

    private readonly LuksVolume? luks;
    private readonly CipherWorkers? workers;
    private readonly SecretSource secrets;
    private readonly string secret;

    private Qcow2Encryption(LuksVolume? luks, SectorKey? key, SecretSource secrets, string? secret)
    {
        this.luks = luks;
        this.secrets = secrets;
        this.secret = secret ?? "";
        workers = key == null ? null : new CipherWorkers(key);
    }

    /// <summary>Whether sectors are counted from the guest disk's start rather than the file's: the obsolete method.</summary>
    public bool CountsGuestSectors => luks == null;

    /// <summary>What `info` shows.</summary>
    public InfoObject Description => luks == null ? new InfoObject { { "format", "aes" } } : LuksDescription.Of(luks.Header, "luks");

    /// <summary>Opens the encryption of an image; null where there is none.</summary>
    /// <exception cref="BlockException">There is no password, or a wrong one, or the header is broken.</exception>
    public static async ValueTask<Qcow2Encryption?> OpenAsync(OpenContext context, Qcow2Header header, string? secret)
    {
        if (header.EncryptionMethod == EncryptionMethod.None)
            return null;
        if (header.EncryptionMethod == EncryptionMethod.Aes)
            return new Qcow2Encryption(null, context.MetadataOnly ? null : AesKey(context, secret), context.Secrets, secret);
        if (header.Encryption is not { } place)
            throw Qcow2Errors.Invalid($"Missing CRYPTO header for crypt method {header.EncryptionMethod}");
        if (context.MetadataOnly)
            return new Qcow2Encryption(await LuksVolume.ReadAsync(context.File, place.Offset, place.Length), null, context.Secrets, secret);
        var password = PasswordOf(context, secret);
        var volume = await LuksVolume.ReadAsync(context.File, place.Offset, place.Length);
        return new Qcow2Encryption(volume, await volume.UnlockAsync(password), context.Secrets, secret);
    }

    /// <summary>The file as it is behind its encryption, for clusters whose sectors count from a place in it.</summary>
    /// <param name="file">The file with the guest data.</param>
    /// <param name="start">The host offset of sector 0.</param>
    public BlockFile Behind(BlockFile file, long start = 0) => workers == null ? file : new CipherFile(file, workers, start);

    /// <summary>As <see cref="Behind"/>, for data of a guest offset that is at a host offset.</summary>
    public BlockFile BehindAt(Qcow2Image image, long guestOffset, long hostOffset) =>
        CountsGuestSectors ? Behind(image.DataFile, hostOffset - guestOffset) : image.GuestFile;

    /// <summary>A mapping, through the file that counts the guest's sectors.</summary>
    public async ValueTask<Mapping> PlaceAsync(Qcow2Image image, ValueTask<Mapping> mapping, long guestOffset)
    {
        var found = await mapping;
        return found.HostOffset < 0 || found.Kind == MappingKind.Compressed
            ? found
            : found with { File = BehindAt(image, guestOffset, found.HostOffset) };
    }

    /// <summary>Changes the key slots.</summary>
    /// <exception cref="BlockException">Why not.</exception>
    public ValueTask AmendAsync(LuksAmendment change) => luks == null
        ? throw Qcow2Errors.Unsupported("Only LUKS encryption options can be amended for qcow2 with blockdev-amend")
        : new LuksAmender(luks, secrets, secret).RunAsync(change);

    public void Dispose() => workers?.Dispose();

    private static byte[] PasswordOf(OpenContext context, string? secret) =>
        context.Secrets.Password(secret ?? throw EncryptionErrors.NoSecret("encrypt."));

    private static SectorKey AesKey(OpenContext context, string? secret)
    {
        var password = PasswordOf(context, secret);
        EncryptionErrors.DemandLibrary();
        var key = new byte[AesKeyLength];
        password.AsSpan(0, Math.Min(password.Length, key.Length)).CopyTo(key);
        return new SectorKey(new CipherSpec("aes", AesKeyLength, ChainMode.Cbc, IvGenerator.Plain64, null), key);
    }
}
