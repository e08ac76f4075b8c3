using System.Runtime.InteropServices;

namespace BlockUring.Native.Codecs;

/// <summary>Whether this host has the OpenSSL library that the platform's cryptography loads at first use, and ends the process without.</summary>
public static class LibSsl
{
    // Those that .NET looks for on Linux, newest first.
    private static readonly string[] Names = ["libssl.so.3", "libssl.so.1.1"];

    /// <summary>Whether cryptography can be used.</summary>
    public static bool IsAvailable { get; } = Array.Exists(Names, name => NativeLibrary.TryLoad(name, out _));
}
