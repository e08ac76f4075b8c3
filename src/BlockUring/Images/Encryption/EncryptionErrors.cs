using BlockUring.Native.Codecs;
using BlockUring.Native.Interop;
using BlockUring.Storage;

namespace BlockUring.Images.Encryption;

/// <summary>The errors that several parts of encryption raise.</summary>
internal static class EncryptionErrors
{
    public static BlockException Invalid(string message) => new(BlockErrorKind.Invalid, message, Errno.EINVAL);

    public static BlockException Unsupported(string message) => new(BlockErrorKind.Unsupported, message, Errno.ENOTSUP);

    /// <summary>No key slot opens with the password given.</summary>
    public static BlockException WrongPassword() =>
        new(BlockErrorKind.Access, "Invalid password, cannot unlock any keyslot", Errno.EACCES);

    /// <summary>No secret is named that holds the password.</summary>
    /// <param name="prefix">What stands before the option's name: "encrypt.", or nothing.</param>
    public static BlockException NoSecret(string prefix) => Invalid($"Parameter '{prefix}key-secret' is required for cipher");

    /// <summary>Refuses to go on where the platform's cryptography cannot work.</summary>
    public static void DemandLibrary()
    {
        if (!LibSsl.IsAvailable)
            throw Unsupported("Encryption needs the OpenSSL library, which this host does not have: install libssl3 (libssl.so.3)");
    }
}
