namespace BlockUring.Images.Encryption;

/// <summary>How sectors are encrypted.</summary>
/// <param name="Algorithm">"aes"; the key tells its strength.</param>
/// <param name="AlgorithmKeyLength">Bytes of one key of the algorithm: 16, 24 or 32.</param>
/// <param name="Mode">The mode.</param>
/// <param name="IvGenerator">What initialization vectors are made of.</param>
/// <param name="IvHash">The hash that <see cref="IvGenerator.Essiv"/> takes of the key; for others what was given and means nothing, null for nothing.</param>
internal sealed record CipherSpec(string Algorithm, int AlgorithmKeyLength, ChainMode Mode, IvGenerator IvGenerator, string? IvHash)
{
    private const string OnlyAlgorithm = "aes";

    /// <summary>Bytes of the whole key.</summary>
    public int KeyLength => Mode == ChainMode.Xts ? 2 * AlgorithmKeyLength : AlgorithmKeyLength;

    /// <summary>The algorithm's name with its strength: "aes-256".</summary>
    public string AlgorithmName => $"{Algorithm}-{AlgorithmKeyLength * 8}";

    /// <summary>The mode's name.</summary>
    public string ModeName => Mode.ToString().ToLowerInvariant();

    /// <summary>The name of the generator of initialization vectors.</summary>
    public string IvGeneratorName => IvGenerator.ToString().ToLowerInvariant();

    /// <summary>Mode and generator as a LUKS header has them: "xts-plain64", "cbc-essiv:sha256".</summary>
    public string ModeText => IvHash == null ? $"{ModeName}-{IvGeneratorName}" : $"{ModeName}-{IvGeneratorName}:{IvHash}";

    /// <summary>Reads what a LUKS header says.</summary>
    /// <param name="cipher">The algorithm.</param>
    /// <param name="modeText">See <see cref="ModeText"/>.</param>
    /// <param name="keyLength">Bytes of the whole key.</param>
    /// <exception cref="Storage.BlockException">It is malformed, or not known here; in QEMU's words.</exception>
    public static CipherSpec Parse(string cipher, string modeText, uint keyLength)
    {
        var dash = modeText.IndexOf('-');
        if (dash < 0)
            throw EncryptionErrors.Invalid($"Unexpected cipher mode string format '{modeText}'");
        var generator = modeText[(dash + 1)..];
        string? hash = null;
        if (generator.IndexOf(':') is >= 0 and var colon)
        {
            (generator, hash) = (generator[..colon], generator[(colon + 1)..]);
            if (!HashNames.IsKnown(hash))
                throw NotRecognized("Hash algorithm", hash);
        }

        var mode = ParseMode(modeText[..dash]) ?? throw NotRecognized("Cipher mode", modeText[..dash]);
        var algorithmKeyLength = mode == ChainMode.Xts && keyLength % 2 == 0 ? keyLength / 2 : keyLength;
        if (cipher != OnlyAlgorithm || algorithmKeyLength is not (16 or 24 or 32) || (mode == ChainMode.Xts && keyLength % 2 != 0))
            throw EncryptionErrors.Unsupported($"Algorithm '{cipher}' with key size {algorithmKeyLength} bytes not supported");
        var iv = ParseIvGenerator(generator) ?? throw NotRecognized("IV generator", generator);
        return new CipherSpec(cipher, (int)algorithmKeyLength, mode, iv, hash).Demanded();
    }

    /// <summary>The mode of that name, null for none.</summary>
    public static ChainMode? ParseMode(string name) => name switch
    {
        "ecb" => ChainMode.Ecb,
        "cbc" => ChainMode.Cbc,
        "xts" => ChainMode.Xts,
        "ctr" => ChainMode.Ctr,
        _ => null,
    };

    /// <summary>The generator of that name, null for none.</summary>
    public static IvGenerator? ParseIvGenerator(string name) => name switch
    {
        "plain" => IvGenerator.Plain,
        "plain64" => IvGenerator.Plain64,
        "essiv" => IvGenerator.Essiv,
        _ => null,
    };

    /// <summary>What is not in the format's vocabulary.</summary>
    public static Storage.BlockException NotRecognized(string what, string name) =>
        EncryptionErrors.Unsupported($"{what} '{name}' is not recognized");

    /// <summary>This, unless its parts do not fit together.</summary>
    /// <exception cref="Storage.BlockException">They do not.</exception>
    public CipherSpec Demanded()
    {
        if (IvGenerator != IvGenerator.Essiv)
            return this;
        if (IvHash == null)
            throw EncryptionErrors.Invalid("Missing IV generator hash specification");
        var length = HashNames.DigestLength(IvHash);
        if (length is not (16 or 24 or 32))
            throw EncryptionErrors.Unsupported($"No AES cipher with key size {length} available");
        HashNames.Demand(IvHash);
        return this;
    }
}
