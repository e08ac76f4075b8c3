using BlockUring.Storage;

namespace BlockUring.Images.Encryption;

/// <summary>A change of the key slots of an encrypted image.</summary>
/// <param name="Activates">Whether slots get the key, or lose it.</param>
public sealed record LuksAmendment(bool Activates)
{
    /// <summary>The secret with the new password; required to activate a slot.</summary>
    public string? NewSecret { get; init; }

    /// <summary>The secret with the password whose slots are to lose the key.</summary>
    public string? OldSecret { get; init; }

    /// <summary>The secret with a password that opens the image; null for the one that it was opened with.</summary>
    public string? Secret { get; init; }

    /// <summary>The slot; null for a free one, or for all that open with the old password.</summary>
    public long? KeySlot { get; init; }

    /// <summary>How long it is to take to try the new password, in milliseconds; null for two seconds.</summary>
    public ulong? IterationMilliseconds { get; init; }

    /// <summary>Whether to do also what cannot be taken back: overwriting a slot in use, erasing the last one.</summary>
    public bool Force { get; init; }

    /// <summary>The options of `amend`.</summary>
    /// <param name="prefix">What stands before their names: "encrypt.", or nothing.</param>
    public static IReadOnlyList<CreateOption> Options(string prefix) =>
    [
        new(prefix + "state", CreateOptionKind.Text, "Select new state of affected keyslots (active/inactive)"),
        new(prefix + "keyslot", CreateOptionKind.Number, "Select a single keyslot to modify explicitly"),
        new(prefix + "old-secret", CreateOptionKind.Text, "Select all keyslots that match this password"),
        new(prefix + "new-secret", CreateOptionKind.Text, "New secret to set in the matching keyslots. Empty string to erase"),
        new(prefix + "iter-time", CreateOptionKind.Number, "Time to spend in PBKDF in milliseconds"),
    ];

    /// <summary>Reads the options of `amend`.</summary>
    /// <param name="options">By name, as <see cref="Options"/> lists them.</param>
    /// <param name="prefix">What stands before their names.</param>
    /// <param name="force">See <see cref="Force"/>.</param>
    /// <exception cref="BlockException">One is missing or wrong.</exception>
    public static LuksAmendment Parse(IReadOnlyDictionary<string, string> options, string prefix, bool force)
    {
        // Why without the prefix: so QEMU says it.
        var activates = options.GetValueOrDefault(prefix + "state") switch
        {
            "active" => true,
            "inactive" => false,
            null => throw EncryptionErrors.Invalid("Parameter 'state' is missing"),
            var other => throw EncryptionErrors.Invalid($"Parameter 'state' does not accept value '{other}'"),
        };
        return new LuksAmendment(activates)
        {
            NewSecret = options.GetValueOrDefault(prefix + "new-secret"),
            OldSecret = options.GetValueOrDefault(prefix + "old-secret"),
            Secret = options.GetValueOrDefault(prefix + "secret"),
            KeySlot = options.GetValueOrDefault(prefix + "keyslot") is { } slot
                ? unchecked((long)OptionText.ParseNumber(prefix + "keyslot", slot))
                : null,
            IterationMilliseconds = options.GetValueOrDefault(prefix + "iter-time") is { } time
                ? OptionText.ParseNumber(prefix + "iter-time", time)
                : null,
            Force = force,
        };
    }
}
