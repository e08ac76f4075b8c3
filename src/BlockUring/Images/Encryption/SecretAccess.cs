using System.Text.Unicode;
using BlockUring.Native.Interop;
using BlockUring.Storage;

namespace BlockUring.Images.Encryption;

/// <summary>What is the same wherever secrets come from.</summary>
public static class SecretAccess
{
    /// <summary>Where there are no secrets.</summary>
    public static SecretSource None { get; } = id => throw Missing(id);

    /// <summary>What to say of a secret that does not exist.</summary>
    public static BlockException Missing(string id) => new(BlockErrorKind.NotFound, $"No secret with id '{id}'", Errno.EINVAL);

    /// <summary>A password: what a secret holds, up to a NUL, as in C.</summary>
    /// <exception cref="BlockException">There is no such secret, or it is no text.</exception>
    internal static byte[] Password(this SecretSource secrets, string id)
    {
        var content = secrets(id);
        if (!Utf8.IsValid(content))
            throw EncryptionErrors.Invalid($"Data from secret {id} is not valid UTF-8");
        var end = Array.IndexOf(content, (byte)0);
        return end < 0 ? content : content[..end];
    }
}
