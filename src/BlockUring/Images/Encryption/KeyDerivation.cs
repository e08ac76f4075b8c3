using System.Diagnostics;
using System.Security.Cryptography;
using BlockUring.Native.Uring;

namespace BlockUring.Images.Encryption;

/// <summary>Makes keys of passwords (PBKDF2, RFC 8018), off the I/O thread where there is one: it is meant to take long.</summary>
internal static class KeyDerivation
{
    /// <summary>Fewer iterations than these are never written.</summary>
    public const uint MinIterations = 1000;

    private const int FirstTrial = 1 << 14;

    // Why: long enough to measure well within a per cent, and no longer.
    private static readonly TimeSpan TrialTime = TimeSpan.FromMilliseconds(100);

    /// <summary>Derives a key.</summary>
    /// <param name="hash">The hash.</param>
    /// <param name="password">The password.</param>
    /// <param name="salt">The salt.</param>
    /// <param name="iterations">How often.</param>
    /// <param name="length">Bytes of the key.</param>
    /// <exception cref="Storage.BlockException">More iterations than the platform can count.</exception>
    public static byte[] Derive(HashAlgorithmName hash, ReadOnlySpan<byte> password, ReadOnlySpan<byte> salt, uint iterations, int length)
    {
        if (iterations > int.MaxValue)
            throw EncryptionErrors.Unsupported($"PBKDF iterations {iterations} must be less than {int.MaxValue}");
        var key = new byte[length];
        Rfc2898DeriveBytes.Pbkdf2(password, salt, key, (int)iterations, hash);
        return key;
    }

    /// <summary>How many iterations take a time on this host.</summary>
    /// <param name="hash">The hash.</param>
    /// <param name="length">Bytes of the derived key: a key longer than a digest takes twice as long.</param>
    /// <param name="milliseconds">The time.</param>
    /// <param name="divisor">By what the count is divided.</param>
    /// <exception cref="Storage.BlockException">They are too many for the format.</exception>
    public static uint CountIterations(HashAlgorithmName hash, int length, ulong milliseconds, uint divisor)
    {
        if (milliseconds == 0)
            return MinIterations;
        var perSecond = MeasureRate(hash, length);
        if (perSecond > ulong.MaxValue / milliseconds)
            throw EncryptionErrors.Invalid($"PBKDF iterations {perSecond} too large to scale: Numerical result out of range");
        var iterations = perSecond * milliseconds / 1000 / divisor;
        if (iterations > int.MaxValue)
            throw EncryptionErrors.Invalid($"PBKDF iterations {iterations} larger than {int.MaxValue}: Numerical result out of range");
        return Math.Max((uint)iterations, MinIterations);
    }

    /// <summary>Runs work on a worker thread where the calling thread has some.</summary>
    public static ValueTask<T> OffloadAsync<T>(Func<T> work) =>
        IoThread.CurrentOrNull is { } thread ? thread.OffloadAsync(work) : new ValueTask<T>(work());

    private static ulong MeasureRate(HashAlgorithmName hash, int length)
    {
        var salt = new byte[LuksHeader.SaltLength];
        for (var count = FirstTrial; ; count *= 4)
        {
            var started = Stopwatch.GetTimestamp();
            Derive(hash, "password"u8, salt, (uint)count, length);
            var taken = Stopwatch.GetElapsedTime(started);
            if (taken >= TrialTime || count > int.MaxValue / 8)
                return (ulong)(count / Math.Max(taken.TotalSeconds, 1e-6));
        }
    }
}
