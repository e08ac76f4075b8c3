using BlockUring.Storage;

namespace BlockUring.Images.Encryption;

/// <summary>What a new LUKS header is to be, checked as QEMU checks it.</summary>
/// <param name="KeySecret">The name of the secret that holds the password; null when none was given.</param>
/// <param name="Cipher">How data is encrypted.</param>
/// <param name="Hash">The hash of the key derivation.</param>
/// <param name="IterationMilliseconds">How long it is to take to try a password.</param>
internal sealed record LuksCreateOptions(string? KeySecret, CipherSpec Cipher, string Hash, ulong IterationMilliseconds)
{
    private const ulong DefaultMilliseconds = 2000;
    private const string DefaultHash = "sha256";

    /// <summary>Bytes that header and keys take.</summary>
    public long PayloadOffset => LuksHeader.KeyOffset(Cipher.KeyLength, LuksHeader.SlotCount);

    // All that QEMU's options accept, with the length of their keys where there are ciphers for them here.
    private static readonly (string Name, int KeyLength)[] Ciphers =
    [
        ("aes-128", 16), ("aes-192", 24), ("aes-256", 32), ("des", 0), ("3des", 0), ("cast5-128", 0), ("serpent-128", 0), ("serpent-192", 0),
        ("serpent-256", 0), ("twofish-128", 0), ("twofish-192", 0), ("twofish-256", 0),
    ];

    /// <summary>The options of a format with such a header.</summary>
    /// <param name="prefix">What stands before their names: "encrypt.", or nothing.</param>
    /// <param name="secretHelp">The line about the secret.</param>
    public static IEnumerable<CreateOption> List(string prefix, string secretHelp) =>
    [
        new(prefix + "key-secret", CreateOptionKind.Text, secretHelp),
        new(prefix + "cipher-alg", CreateOptionKind.Text, "Name of encryption cipher algorithm"),
        new(prefix + "cipher-mode", CreateOptionKind.Text, "Name of encryption cipher mode"),
        new(prefix + "ivgen-alg", CreateOptionKind.Text, "Name of IV generator algorithm"),
        new(prefix + "ivgen-hash-alg", CreateOptionKind.Text, "Name of IV generator hash algorithm"),
        new(prefix + "hash-alg", CreateOptionKind.Text, "Name of encryption hash algorithm"),
        new(prefix + "iter-time", CreateOptionKind.Number, "Time to spend in PBKDF in milliseconds"),
    ];

    /// <summary>Reads the options.</summary>
    /// <param name="request">Where they are.</param>
    /// <param name="prefix">What stands before their names.</param>
    /// <exception cref="BlockException">One of them, or a combination, is not allowed; the message is QEMU's.</exception>
    public static LuksCreateOptions Parse(CreateRequest request, string prefix)
    {
        // Why: the order of these lines is the order of QEMU's complaints: values first, then what they need, then whether it exists.
        var algorithm = request.Option(prefix + "cipher-alg") ?? "aes-256";
        var keyLength = KeyLengthOf(algorithm);
        var modeName = request.Option(prefix + "cipher-mode") ?? "xts";
        var mode = CipherSpec.ParseMode(modeName) ?? throw NotAccepted("cipher-mode", modeName);
        var generatorName = request.Option(prefix + "ivgen-alg") ?? "plain64";
        var generator = CipherSpec.ParseIvGenerator(generatorName) ?? throw NotAccepted("ivgen-alg", generatorName);
        var ivHash = HashOf(request, prefix, "ivgen-hash-alg") ?? (generator == IvGenerator.Essiv ? DefaultHash : null);
        var hash = HashOf(request, prefix, "hash-alg") ?? DefaultHash;
        var milliseconds = request.Option(prefix + "iter-time") is { } text
            ? OptionText.ParseNumber(prefix + "iter-time", text)
            : DefaultMilliseconds;
        if (keyLength == 0)
            throw EncryptionErrors.Unsupported($"Unsupported cipher algorithm {algorithm} with {modeName} mode");
        HashNames.Demand(hash);
        var secret = request.Option(prefix + "key-secret");
        return new LuksCreateOptions(secret, new CipherSpec("aes", keyLength, mode, generator, ivHash).Demanded(), hash, milliseconds);
    }

    /// <summary>The password.</summary>
    /// <param name="request">Where secrets are.</param>
    /// <param name="prefix">What stands before the options' names.</param>
    /// <exception cref="BlockException">There is none.</exception>
    public byte[] Password(CreateRequest request, string prefix) =>
        request.Secrets.Password(KeySecret ?? throw EncryptionErrors.NoSecret(prefix));

    private static int KeyLengthOf(string name)
    {
        var found = Array.Find(Ciphers, c => c.Name == name);
        return found.Name == null ? throw NotAccepted("cipher-alg", name) : found.KeyLength;
    }

    private static string? HashOf(CreateRequest request, string prefix, string option)
    {
        var name = request.Option(prefix + option);
        return name == null || HashNames.IsKnown(name) ? name : throw NotAccepted(option, name);
    }

    // Why without the prefix: so QEMU says it.
    private static BlockException NotAccepted(string option, string value) =>
        EncryptionErrors.Invalid($"Parameter '{option}' does not accept value '{value}'");
}
