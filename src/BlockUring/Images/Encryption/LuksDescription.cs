namespace BlockUring.Images.Encryption;

/// <summary>What `info` shows of a LUKS header, under QEMU's names.</summary>
internal static class LuksDescription
{
    /// <summary>The facts of a header.</summary>
    /// <param name="header">The header.</param>
    /// <param name="format">What comes before them as "format"; null for nothing.</param>
    public static InfoObject Of(LuksHeader header, string? format = null)
    {
        var cipher = header.Cipher;
        return new InfoObject
        {
            { "format", format },
            { "cipher-alg", cipher.AlgorithmName },
            { "cipher-mode", cipher.ModeName },
            { "ivgen-alg", cipher.IvGeneratorName },
            { "ivgen-hash-alg", cipher.IvGenerator == IvGenerator.Essiv ? cipher.IvHash : null },
            { "hash-alg", header.Hash },
            { "payload-offset", header.PayloadOffset },
            { "master-key-iters", (long)header.DigestIterations },
            { "uuid", header.Uuid },
            { "slots", header.Slots.Select(Describe).ToList() },
        };
    }

    private static InfoObject Describe(LuksKeySlot slot) => new()
    {
        { "active", slot.IsActive },
        { "iters", slot.IsActive ? (long)slot.Iterations : null },
        { "stripes", slot.IsActive ? slot.Stripes : null },
        { "key-offset", slot.KeyOffset },
    };
}
