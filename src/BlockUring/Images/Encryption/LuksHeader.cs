using System.Buffers.Binary;
using System.Text;

namespace BlockUring.Images.Encryption;

/// <summary>
/// The header of LUKS version 1, validated (LUKS On-Disk Format Specification 1.2.3). All numbers in the file are big-endian; offsets there are
/// in sectors of 512 bytes.
/// <code>
///   0  6  magic "LUKS\xba\xbe"        112 20  master key digest
///   6  2  version                     132 32  master key digest salt
///   8 32  cipher                      164  4  master key digest iterations
///  40 32  mode                        168 40  UUID
///  72 32  hash                        208 48  key slot 0
/// 104  4  payload offset               …
/// 108  4  key length in bytes         544 48  key slot 7
/// </code>
/// A key slot is: state (4), iterations (4), salt (32), offset of the split key (4), stripes (4).
/// </summary>
internal sealed record LuksHeader
{
    public const int Length = 592;
    public const int SlotCount = 8;
    public const int DigestLength = 20;
    public const int SaltLength = 32;
    public const int Stripes = 4000;

    /// <summary>Where the first split key starts, and the unit of the places of the others.</summary>
    public const int KeyAlignment = 4096;

    private const int SectorLength = 512;
    private const int NameLength = 32;
    private const int UuidOffset = 168;
    private const int UuidLength = 40;
    private const int SlotsOffset = 208;
    private const int SlotLength = 48;
    private const uint ActiveMark = 0x00ac71f3;
    private const uint InactiveMark = 0x0000dead;

    private static ReadOnlySpan<byte> Magic => [(byte)'L', (byte)'U', (byte)'K', (byte)'S', 0xba, 0xbe];

    public required CipherSpec Cipher { get; init; }

    /// <summary>The hash of the key derivation.</summary>
    public required string Hash { get; init; }

    /// <summary>Where the encrypted data starts, in bytes from the header's start.</summary>
    public required long PayloadOffset { get; init; }

    public required byte[] Digest { get; init; }

    public required byte[] DigestSalt { get; init; }

    public required uint DigestIterations { get; init; }

    public required string Uuid { get; init; }

    public required IReadOnlyList<LuksKeySlot> Slots { get; init; }

    /// <summary>Bytes of a split key.</summary>
    public static int SplitKeyLength(int keyLength) => keyLength * Stripes;

    /// <summary>Where a new header puts a split key; the payload is behind the last.</summary>
    public static long KeyOffset(int keyLength, int slot)
    {
        var length = (SplitKeyLength(keyLength) + KeyAlignment - 1) & -KeyAlignment;
        return KeyAlignment + ((long)length * slot);
    }

    /// <summary>Whether a file starts as such a header does.</summary>
    public static bool Starts(ReadOnlySpan<byte> head) =>
        head.Length >= Magic.Length + 2 && head.StartsWith(Magic) && BinaryPrimitives.ReadUInt16BigEndian(head[6..]) == 1;

    /// <summary>Parses and validates.</summary>
    /// <param name="head"><see cref="Length"/> bytes.</param>
    /// <exception cref="Storage.BlockException">In QEMU's words; it does not name the file.</exception>
    public static LuksHeader Parse(ReadOnlySpan<byte> head)
    {
        if (!head.StartsWith(Magic))
            throw EncryptionErrors.Invalid("Volume is not in LUKS format");
        var version = BinaryPrimitives.ReadUInt16BigEndian(head[6..]);
        if (version != 1)
            throw EncryptionErrors.Unsupported($"LUKS version {version} is not supported");
        var cipher = Text(head.Slice(8, NameLength)) ?? throw NotTerminated("cipher name");
        var mode = Text(head.Slice(40, NameLength)) ?? throw NotTerminated("cipher mode");
        var hash = Text(head.Slice(72, NameLength)) ?? throw NotTerminated("hash spec");
        var keyLength = U32(head, 108);
        var payload = U32(head, 104) * (long)SectorLength;
        DemandLayout(head, payload, keyLength);
        var spec = CipherSpec.Parse(cipher, mode, keyLength);
        if (!HashNames.IsKnown(hash))
            throw CipherSpec.NotRecognized("Hash algorithm", hash);
        var slots = new LuksKeySlot[SlotCount];
        for (var i = 0; i < SlotCount; i++)
            slots[i] = ParseSlot(SlotBytes(head, i));
        return new LuksHeader
        {
            Cipher = spec,
            Hash = hash,
            PayloadOffset = payload,
            Digest = head.Slice(112, DigestLength).ToArray(),
            DigestSalt = head.Slice(132, SaltLength).ToArray(),
            DigestIterations = U32(head, 164),
            Uuid = Text(head.Slice(UuidOffset, UuidLength)) ?? Encoding.Latin1.GetString(head.Slice(UuidOffset, UuidLength)),
            Slots = slots,
        };
    }

    /// <summary>Writes it as the file has it.</summary>
    /// <param name="head"><see cref="Length"/> bytes; all are set.</param>
    public void Serialize(Span<byte> head)
    {
        head.Clear();
        Magic.CopyTo(head);
        BinaryPrimitives.WriteUInt16BigEndian(head[6..], 1);
        Encoding.ASCII.GetBytes(Cipher.Algorithm, head.Slice(8, NameLength));
        Encoding.ASCII.GetBytes(Cipher.ModeText, head.Slice(40, NameLength));
        Encoding.ASCII.GetBytes(Hash, head.Slice(72, NameLength));
        U32(head, 104, (uint)(PayloadOffset / SectorLength));
        U32(head, 108, (uint)Cipher.KeyLength);
        Digest.CopyTo(head[112..]);
        DigestSalt.CopyTo(head[132..]);
        U32(head, 164, DigestIterations);
        Encoding.Latin1.GetBytes(Uuid, head.Slice(UuidOffset, UuidLength));
        for (var i = 0; i < SlotCount; i++)
        {
            var bytes = head.Slice(SlotsOffset + (i * SlotLength), SlotLength);
            var slot = Slots[i];
            U32(bytes, 0, slot.IsActive ? ActiveMark : InactiveMark);
            U32(bytes, 4, slot.Iterations);
            slot.Salt.CopyTo(bytes[8..]);
            U32(bytes, 40, (uint)(slot.KeyOffset / SectorLength));
            U32(bytes, 44, (uint)slot.Stripes);
        }
    }

    /// <summary>The same with another slot.</summary>
    public LuksHeader With(int index, LuksKeySlot slot)
    {
        var changed = Slots.ToArray();
        changed[index] = slot;
        return this with { Slots = changed };
    }

    // Nothing may overlap: a key would be written over another, or over data.
    private static void DemandLayout(ReadOnlySpan<byte> head, long payload, uint keyLength)
    {
        if (payload < KeyAlignment)
            throw EncryptionErrors.Invalid("LUKS payload is overlapping with the header");
        if (U32(head, 164) == 0)
            throw EncryptionErrors.Invalid("LUKS key iteration count is zero");
        var keySectors = (((long)keyLength * Stripes) + SectorLength - 1) / SectorLength;
        for (var i = 0; i < SlotCount; i++)
        {
            DemandSlot(SlotBytes(head, i), i);
            var first = (long)U32(SlotBytes(head, i), 40);
            if ((first + keySectors) * SectorLength > payload)
                throw EncryptionErrors.Invalid($"Keyslot {i} is overlapping with the encrypted payload");
            for (var other = i + 1; other < SlotCount; other++)
            {
                var otherFirst = (long)U32(SlotBytes(head, other), 40);
                if (first + keySectors > otherFirst && otherFirst + keySectors > first)
                    throw EncryptionErrors.Invalid($"Keyslots {i} and {other} are overlapping in the header");
            }
        }
    }

    private static void DemandSlot(ReadOnlySpan<byte> slot, int index)
    {
        var stripes = (int)U32(slot, 44);
        if (stripes != Stripes)
            throw EncryptionErrors.Invalid($"Keyslot {index} is corrupted (stripes {stripes} != {Stripes})");
        if (U32(slot, 40) < KeyAlignment / SectorLength)
            throw EncryptionErrors.Invalid($"Keyslot {index} is overlapping with the LUKS header");
        var state = U32(slot, 0);
        if (state is not (ActiveMark or InactiveMark))
            throw EncryptionErrors.Invalid($"Keyslot {index} state (active/disable) is corrupted");
        if (state == ActiveMark && U32(slot, 4) == 0)
            throw EncryptionErrors.Invalid($"Keyslot {index} iteration count is zero");
    }

    private static LuksKeySlot ParseSlot(ReadOnlySpan<byte> slot) => new(
        U32(slot, 0) == ActiveMark,
        U32(slot, 4),
        slot.Slice(8, SaltLength).ToArray(),
        U32(slot, 40) * (long)SectorLength,
        (int)U32(slot, 44));

    private static ReadOnlySpan<byte> SlotBytes(ReadOnlySpan<byte> head, int index) => head.Slice(SlotsOffset + (index * SlotLength), SlotLength);

    private static string? Text(ReadOnlySpan<byte> bytes)
    {
        var end = bytes.IndexOf((byte)0);
        return end < 0 ? null : Encoding.Latin1.GetString(bytes[..end]);
    }

    private static Storage.BlockException NotTerminated(string what) =>
        EncryptionErrors.Invalid($"LUKS header {what} is not NUL terminated");

    private static uint U32(ReadOnlySpan<byte> bytes, int at) => BinaryPrimitives.ReadUInt32BigEndian(bytes[at..]);

    private static void U32(Span<byte> bytes, int at, uint value) => BinaryPrimitives.WriteUInt32BigEndian(bytes[at..], value);
}
