using BlockUring.Storage;

namespace BlockUring.Images.Encryption;

/// <summary>Gives key slots a password, or takes it away, by QEMU's rules and in its words.</summary>
/// <param name="volume">The volume.</param>
/// <param name="secrets">Where passwords are.</param>
/// <param name="openSecret">The secret that the image was opened with.</param>
internal readonly struct LuksAmender(LuksVolume volume, SecretSource secrets, string openSecret)
{
    private const ulong DefaultMilliseconds = 2000;

    private IReadOnlyList<LuksKeySlot> Slots => volume.Header.Slots;

    /// <summary>Changes the slots, durably.</summary>
    /// <exception cref="BlockException">Why not; slots that were erased before stay so.</exception>
    public ValueTask RunAsync(LuksAmendment change) => change.Activates ? FillAsync(change) : EraseAsync(change);

    private async ValueTask FillAsync(LuksAmendment change)
    {
        if (change.NewSecret == null)
            throw EncryptionErrors.Invalid("'new-secret' is required to activate a keyslot");
        if (change.OldSecret != null)
            throw EncryptionErrors.Invalid("'old-secret' must not be given when activating keyslots");
        var index = SlotToFill(change);
        using var key = await volume.UnlockAsync(secrets.Password(change.Secret ?? openSecret));
        await volume.FillSlotAsync(index, key, secrets.Password(change.NewSecret), change.IterationMilliseconds ?? DefaultMilliseconds);
    }

    private int SlotToFill(LuksAmendment change)
    {
        if (change.KeySlot is { } given)
        {
            // Why unsigned: so QEMU says it here.
            var index = DemandIndex(given, unchecked((uint)given).ToString());
            return Slots[index].IsActive && !change.Force
                ? throw EncryptionErrors.Invalid($"Refusing to overwrite active keyslot {index} - please erase it first")
                : index;
        }

        for (var i = 0; i < Slots.Count; i++)
        {
            if (!Slots[i].IsActive)
                return i;
        }

        throw EncryptionErrors.Invalid("Can't add a keyslot - all keyslots are in use");
    }

    private ValueTask EraseAsync(LuksAmendment change)
    {
        if (change.NewSecret != null)
            throw EncryptionErrors.Invalid("'new-secret' must not be given when erasing keyslots");
        if (change.Secret != null)
            throw EncryptionErrors.Invalid("'secret' must not be given when erasing keyslots");
        if (change.IterationMilliseconds != null)
            throw EncryptionErrors.Invalid("'iter-time' must not be given when erasing keyslots");
        var password = change.OldSecret == null ? null : secrets.Password(change.OldSecret);
        if (change.KeySlot is { } given)
            return EraseOneAsync(given, password, change.Force);
        return password != null
            ? EraseMatchingAsync(password, change.Force)
            : throw EncryptionErrors.Invalid(
                "To erase keyslot(s), either explicit keyslot index or the password currently contained in them must be given");
    }

    private async ValueTask EraseOneAsync(long given, byte[]? password, bool force)
    {
        var index = DemandIndex(given, given.ToString());
        if (password != null && !await OpensAsync(index, password))
            throw EncryptionErrors.Invalid($"Given keyslot {index} doesn't contain the given old password for erase operation");
        if (!force && !Slots[index].IsActive)
            throw EncryptionErrors.Invalid($"Given keyslot {index} is already erased (inactive) ");
        if (!force && Slots.Count(s => s.IsActive) == 1)
        {
            throw EncryptionErrors.Invalid(
                $"Attempt to erase the only active keyslot {index} which will erase all the data in the image irreversibly - refusing operation");
        }

        await volume.EraseSlotAsync(index);
    }

    private async ValueTask EraseMatchingAsync(byte[] password, bool force)
    {
        var matching = new List<int>();
        for (var i = 0; i < Slots.Count; i++)
        {
            if (await OpensAsync(i, password))
                matching.Add(i);
        }

        if (matching.Count == 0)
            throw EncryptionErrors.Invalid("No keyslots match given (old) password for erase operation");
        if (!force && matching.Count == Slots.Count(s => s.IsActive))
        {
            throw EncryptionErrors.Invalid(
                "All the active keyslots match the (old) password that was given and erasing them will erase all the data in the image irreversibly - refusing operation");
        }

        foreach (var index in matching)
            await volume.EraseSlotAsync(index);
    }

    private async ValueTask<bool> OpensAsync(int index, byte[] password)
    {
        using var key = await volume.TryUnlockAsync(index, password);
        return key != null;
    }

    private static int DemandIndex(long given, string shown)
    {
        const int last = LuksHeader.SlotCount - 1;
        return given is >= 0 and <= last
            ? (int)given
            : throw EncryptionErrors.Invalid($"Invalid keyslot {shown} specified, must be between 0 and {last}");
    }
}
