namespace BlockUring.Tests.Codecs;

/// <summary>Damages packed clusters in the ways that storage and attackers do.</summary>
internal static class Mutation
{
    /// <summary>One of the originals with some of its bytes flipped, cut off, overwritten, doubled or taken from another.</summary>
    public static byte[] Of(byte[][] originals, Random random)
    {
        byte[] bytes = [.. originals[random.Next(originals.Length)]];
        for (int i = random.Next(1, 4); i > 0 && bytes.Length > 0; i--)
        {
            int at = random.Next(bytes.Length);
            switch (random.Next(6))
            {
                case 0:
                    bytes[at] ^= (byte)(1 << random.Next(8));
                    break;
                case 1:
                    bytes[at] = (byte)random.Next(256);
                    break;
                case 2:
                    bytes = bytes[..at];
                    break;
                case 3:
                    // Headers are short: most places in the middle are literals.
                    bytes[random.Next(Math.Min(16, bytes.Length))] = (byte)random.Next(256);
                    break;
                case 4:
                    random.NextBytes(bytes.AsSpan(at, Math.Min(random.Next(1, 64), bytes.Length - at)));
                    break;
                default:
                    byte[] other = originals[random.Next(originals.Length)];
                    bytes = [.. bytes.AsSpan(0, at), .. other.AsSpan(Math.Min(at, other.Length))];
                    break;
            }
        }

        return bytes;
    }
}
