using BlockUring.Native.Codecs;

namespace BlockUring.Simulation.Images.Qcow2;

/// <summary>One way to make a qcow2 image, drawn from a seed.</summary>
internal sealed record ImageKind(
    int ClusterBits,
    int RefcountBits,
    int Version,
    bool ExtendedL2,
    CompressionType Compression,
    bool HasDataFile,
    bool IsDataFileRaw,
    string Preallocation,
    long BackingLength,
    long Length,
    bool HasSnapshot)
{
    public const string Path = "/sim/image.qcow2";
    public const string DataPath = "/sim/image.data";
    public const string BackingPath = "/sim/backing.raw";

    /// <summary>Names the secret below, in options.</summary>
    public const string SecretName = "s";

    /// <summary>The password of encrypted images.</summary>
    public const string Password = "open sesame";

    // Why not drawn: seeds keep their meaning. Preallocated clusters of encrypted images read as noise, and raw data files would be none.
    private long EncryptionChoice => IsDataFileRaw || Preallocation != "off" ? 0 : (Length >> ClusterBits) % 16;

    public bool IsEncrypted => EncryptionChoice is > 0 and < 4;

    public string EncryptionFormat => EncryptionChoice == 3 ? "aes" : "luks";

    /// <summary>The options of its encryption, with as little work for the key as can be; empty for none.</summary>
    public string EncryptionOptions => EncryptionChoice switch
    {
        1 => "encrypt.format=luks,encrypt.cipher-alg=aes-128,encrypt.iter-time=0",
        2 => "encrypt.format=luks,encrypt.cipher-alg=aes-128,encrypt.cipher-mode=cbc,encrypt.ivgen-alg=essiv,encrypt.iter-time=0",
        3 => "encrypt.format=aes",
        _ => "",
    };

    public bool CanCompress => !HasDataFile && !IsEncrypted;

    public int ClusterLength => 1 << ClusterBits;

    /// <summary>The longest the disk grows; with small clusters, further than the first L1 table has room for.</summary>
    public long MaxLength => Math.Max(2 * Length, ClusterBits == 9 ? 3 << 20 : 0);

    public bool CanResize => Version == 3 || !HasSnapshot;

    // Zeroes that hide the backing file would be noise behind encryption.
    public bool CanGrow => CanPeerGrow || !IsEncrypted;

    /// <summary>Version 2 has no zero clusters, by which QEMU hides a backing file.</summary>
    public bool CanPeerGrow => Version == 3 || BackingLength < 0;

    /// <summary>Whether a discard makes clusters read as zeroes.</summary>
    public bool DiscardsToZeroes(bool passesDiscards) => IsDataFileRaw ? passesDiscards : Version == 3 || BackingLength < 0;

    public static ImageKind Draw(Random random)
    {
        var clusterBits = random.Next(8) switch
        {
            < 3 => random.Next(9, 12),
            < 6 => random.Next(12, 17),
            6 => 16,
            _ => random.Next(17, 22),
        };
        var version = random.Next(5) == 0 ? 2 : 3;
        var hasDataFile = version == 3 && random.Next(6) == 0;
        var isRaw = hasDataFile && random.Next(2) == 0;
        var clusters = random.Next(1, clusterBits > 16 ? 12 : 400);
        var length = Math.Min(((long)clusters << clusterBits) - (random.Next(3) == 0 ? 512 * random.Next(1 << (clusterBits - 9)) : 0), 12 << 20);
        var refcountBits = version == 2 ? 16 : 1 << random.Next(7);
        var hasBacking = !isRaw && random.Next(2) == 0;
        var extended = version == 3 && clusterBits >= 14 && random.Next(2) == 0;
        return new ImageKind(
            clusterBits,
            refcountBits,
            version,
            extended,
            version == 3 && random.Next(2) == 0 ? CompressionType.Zstd : CompressionType.Zlib,
            hasDataFile,
            isRaw,
            hasBacking || random.Next(5) != 0 ? "off" : "metadata",
            hasBacking ? Math.Max(512, (long)(length * random.NextDouble() * 1.5) & -512) : -1,
            length,
            !hasDataFile && refcountBits > 1 && random.Next(3) == 0);
    }

    /// <summary>The same kind with a disk that is not longer, and without the snapshot that our engine does not make.</summary>
    public ImageKind Small(long maxLength) => this with
    {
        Length = Math.Max(512, Math.Min(Length, maxLength) & -512),
        BackingLength = Math.Min(BackingLength, maxLength * 3 / 2),
        HasSnapshot = false,
    };

    public string Options()
    {
        var text = $"cluster_size={ClusterLength},compat={(Version == 2 ? "0.10" : "1.1")}";
        if (Version == 3)
            text += $",refcount_bits={RefcountBits},compression_type={(Compression == CompressionType.Zstd ? "zstd" : "zlib")}";
        if (ExtendedL2)
            text += ",extended_l2=on";
        if (HasDataFile)
            text += $",data_file={DataPath},data_file_raw={(IsDataFileRaw ? "on" : "off")}";
        if (IsEncrypted)
            text += $",encrypt.key-secret={SecretName},{EncryptionOptions}";
        if (BackingLength >= 0)
            text += $",backing_file={BackingPath},backing_fmt=raw";
        return text + $",preallocation={Preallocation}";
    }
}
