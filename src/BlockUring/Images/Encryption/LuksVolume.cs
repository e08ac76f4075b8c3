using System.Security.Cryptography;
using BlockUring.Native.Memory;
using BlockUring.Storage;

namespace BlockUring.Images.Encryption;

/// <summary>A LUKS header with its key slots, somewhere in a file.</summary>
internal sealed class LuksVolume
{
    private readonly BlockFile file;
    private readonly long start;
    private readonly long length;

    private LuksVolume(BlockFile file, long start, long length, LuksHeader header)
    {
        this.file = file;
        this.start = start;
        this.length = length;
        Header = header;
    }

    /// <summary>What the file holds.</summary>
    public LuksHeader Header { get; private set; }

    private HashAlgorithmName Hash => HashNames.Demand(Header.Hash);

    /// <summary>Reads and checks a header. No key is needed.</summary>
    /// <param name="file">The file; the caller's.</param>
    /// <param name="start">Where the header starts.</param>
    /// <param name="length">How long header and keys may be.</param>
    /// <exception cref="BlockException">There is none, or it is broken.</exception>
    public static async ValueTask<LuksVolume> ReadAsync(BlockFile file, long start = 0, long length = long.MaxValue)
    {
        if (length < LuksHeader.Length)
            throw EncryptionErrors.Invalid("Request for data outside of extension header");
        using var head = file.Buffers.Rent(LuksHeader.Length);
        await file.ReadAsync(start, head.Memory);
        return new LuksVolume(file, start, length, LuksHeader.Parse(head.Span));
    }

    /// <summary>A new master key under one password; nothing is written. Takes the time that trying a password is to take, or less.</summary>
    /// <param name="options">How.</param>
    /// <param name="password">The password.</param>
    /// <returns>The header, and what belongs into its first slot.</returns>
    public static ValueTask<(LuksHeader Header, byte[] Material)> MakeAsync(LuksCreateOptions options, byte[] password)
    {
        EncryptionErrors.DemandLibrary();
        return KeyDerivation.OffloadAsync(() => Make(options, password));
    }

    /// <summary>Writes what <see cref="MakeAsync"/> made, the header last. Flushes nothing.</summary>
    /// <param name="file">The file; the caller's.</param>
    /// <param name="start">Where the header goes.</param>
    /// <param name="header">The header.</param>
    /// <param name="material">The content of its first slot.</param>
    public static async ValueTask WriteNewAsync(BlockFile file, long start, LuksHeader header, byte[] material)
    {
        var made = new LuksVolume(file, start, long.MaxValue, header);
        await made.WriteMaterialAsync(header.Slots[0], material);
        await made.WriteHeaderAsync(header);
    }

    /// <summary>Finds the slot that a password opens.</summary>
    /// <returns>The master key.</returns>
    /// <exception cref="BlockException">It opens none.</exception>
    public async ValueTask<SectorKey> UnlockAsync(byte[] password)
    {
        EncryptionErrors.DemandLibrary();
        for (var slot = 0; slot < LuksHeader.SlotCount; slot++)
        {
            if (await TryUnlockAsync(slot, password) is { } key)
                return key;
        }

        throw EncryptionErrors.WrongPassword();
    }

    /// <summary>The master key, where a password opens a slot; null where not.</summary>
    public async ValueTask<SectorKey?> TryUnlockAsync(int index, byte[] password)
    {
        var slot = Header.Slots[index];
        if (!slot.IsActive)
            return null;
        var material = await ReadMaterialAsync(slot);
        var (header, hash) = (Header, Hash);
        return await KeyDerivation.OffloadAsync(() => Unlock(header, hash, slot, material, password));
    }

    /// <summary>Puts the master key into a slot under one more password, durably. Power loss leaves the slot empty or filled.</summary>
    /// <param name="index">The slot.</param>
    /// <param name="key">The master key.</param>
    /// <param name="password">The password.</param>
    /// <param name="milliseconds">How long it is to take to try a password.</param>
    public async ValueTask FillSlotAsync(int index, SectorKey key, byte[] password, ulong milliseconds)
    {
        var header = Header;
        var (slot, material) = await KeyDerivation.OffloadAsync(() => Lock(header, index, key.Bytes, password, milliseconds));
        await WriteMaterialAsync(slot, material);
        await file.FlushAsync();
        await WriteHeaderAsync(header.With(index, slot));
        await file.FlushAsync();
    }

    /// <summary>Empties a slot, durably: first it is said to be empty, then what it held is overwritten.</summary>
    public async ValueTask EraseSlotAsync(int index)
    {
        var slot = Header.Slots[index] with { IsActive = false, Iterations = 0, Salt = new byte[LuksHeader.SaltLength] };
        await WriteHeaderAsync(Header.With(index, slot));
        await file.FlushAsync();

        // Why once: more often helped on disks that nobody has any more, and below a file system or flash not at all.
        await WriteMaterialAsync(slot, RandomNumberGenerator.GetBytes(MaterialLength(Header)));
        await file.FlushAsync();
    }

    private static SectorKey? Unlock(LuksHeader header, HashAlgorithmName hash, LuksKeySlot slot, byte[] material, byte[] password)
    {
        var keyLength = header.Cipher.KeyLength;
        var slotKey = KeyDerivation.Derive(hash, password, slot.Salt, slot.Iterations, keyLength);
        var master = new byte[keyLength];
        try
        {
            using (var cipher = new SectorCipher(header.Cipher, slotKey))
                cipher.Decrypt(material, 0);
            AntiForensics.Merge(hash, material.AsSpan(0, LuksHeader.SplitKeyLength(keyLength)), master);
            var digest = KeyDerivation.Derive(hash, master, header.DigestSalt, header.DigestIterations, LuksHeader.DigestLength);
            if (CryptographicOperations.FixedTimeEquals(digest, header.Digest))
                return new SectorKey(header.Cipher, master);
            CryptographicOperations.ZeroMemory(master);
            return null;
        }
        finally
        {
            CryptographicOperations.ZeroMemory(slotKey);
            CryptographicOperations.ZeroMemory(material);
        }
    }

    private static (LuksHeader Header, byte[] Material) Make(LuksCreateOptions options, byte[] password)
    {
        var hash = HashNames.Demand(options.Hash);
        var keyLength = options.Cipher.KeyLength;
        var master = RandomNumberGenerator.GetBytes(keyLength);
        var digestSalt = RandomNumberGenerator.GetBytes(LuksHeader.SaltLength);
        // Why an eighth: what cryptsetup does. A password that fits no slot is tried against all.
        var digestIterations = KeyDerivation.CountIterations(hash, LuksHeader.DigestLength, options.IterationMilliseconds, LuksHeader.SlotCount);
        var slots = new LuksKeySlot[LuksHeader.SlotCount];
        for (var i = 0; i < slots.Length; i++)
            slots[i] = new(false, 0, new byte[LuksHeader.SaltLength], LuksHeader.KeyOffset(keyLength, i), LuksHeader.Stripes);
        var header = new LuksHeader
        {
            Cipher = options.Cipher,
            Hash = options.Hash,
            PayloadOffset = LuksHeader.KeyOffset(keyLength, slots.Length),
            Digest = KeyDerivation.Derive(hash, master, digestSalt, digestIterations, LuksHeader.DigestLength),
            DigestSalt = digestSalt,
            DigestIterations = digestIterations,
            Uuid = Guid.NewGuid().ToString(),
            Slots = slots,
        };
        var (slot, material) = Lock(header, 0, master, password, options.IterationMilliseconds);
        CryptographicOperations.ZeroMemory(master);
        return (header.With(0, slot), material);
    }

    private static (LuksKeySlot Slot, byte[] Material) Lock(
        LuksHeader header, int index, ReadOnlySpan<byte> master, byte[] password, ulong milliseconds)
    {
        var hash = HashNames.Demand(header.Hash);
        var slot = header.Slots[index] with
        {
            IsActive = true,
            Iterations = KeyDerivation.CountIterations(hash, master.Length, milliseconds, 1),
            Salt = RandomNumberGenerator.GetBytes(LuksHeader.SaltLength),
        };
        var material = new byte[MaterialLength(header)];
        AntiForensics.Split(hash, master, material.AsSpan(0, LuksHeader.SplitKeyLength(master.Length)));
        var slotKey = KeyDerivation.Derive(hash, password, slot.Salt, slot.Iterations, master.Length);
        using (var cipher = new SectorCipher(header.Cipher, slotKey))
            cipher.Encrypt(material, material, 0);
        CryptographicOperations.ZeroMemory(slotKey);
        return (slot, material);
    }

    // Why: the split key may end inside a sector, whose rest means nothing and is not in the file.
    private static int MaterialLength(LuksHeader header) =>
        (LuksHeader.SplitKeyLength(header.Cipher.KeyLength) + SectorCipher.SectorLength - 1) & -SectorCipher.SectorLength;

    private async ValueTask<byte[]> ReadMaterialAsync(LuksKeySlot slot)
    {
        using var buffer = RentForMaterial(slot);
        await file.ReadAsync(start + slot.KeyOffset, buffer.Memory);
        var material = new byte[MaterialLength(Header)];
        buffer.Span.CopyTo(material);
        return material;
    }

    private async ValueTask WriteMaterialAsync(LuksKeySlot slot, byte[] material)
    {
        using var buffer = RentForMaterial(slot);
        material.AsSpan(0, buffer.Length).CopyTo(buffer.Span);
        await file.WriteAsync(start + slot.KeyOffset, buffer.Memory);
    }

    private async ValueTask WriteHeaderAsync(LuksHeader changed)
    {
        using var head = file.Buffers.Rent(LuksHeader.Length);
        changed.Serialize(head.Span);
        await file.WriteAsync(start, head.Memory);
        Header = changed;
    }

    private IoBuffer RentForMaterial(LuksKeySlot slot)
    {
        var splitLength = LuksHeader.SplitKeyLength(Header.Cipher.KeyLength);
        return slot.KeyOffset + splitLength <= length
            ? file.Buffers.Rent(splitLength)
            : throw EncryptionErrors.Invalid("Request for data outside of extension header");
    }
}
