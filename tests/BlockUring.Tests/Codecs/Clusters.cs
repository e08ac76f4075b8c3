using System.Text;

namespace BlockUring.Tests.Codecs;

/// <summary>Cluster contents that bring out different parts of a codec; the same for the same seed.</summary>
internal static class Clusters
{
    public static readonly string[] Kinds = ["zeros", "text", "random", "sparse", "far repeats", "runs"];

    public static byte[] Make(string kind, int length, int seed)
    {
        Random random = new(seed);
        byte[] cluster = new byte[length];
        switch (kind)
        {
            case "zeros":
                break;
            case "text":
                FillWithWords(cluster, random);
                break;
            case "random":
                random.NextBytes(cluster);
                break;
            case "sparse":
                for (int i = 0; i < length / 64; i++)
                    cluster[random.Next(length)] = (byte)random.Next(256);
                break;
            case "far repeats":
                // The same noise again every 6000 bytes: out of reach of a 4 KiB window, within reach of a 32 KiB one.
                byte[] noise = new byte[6000];
                random.NextBytes(noise);
                for (int i = 0; i < length; i++)
                    cluster[i] = noise[i % noise.Length];
                break;
            case "runs":
                for (int i = 0; i < length;)
                {
                    int run = Math.Min(random.Next(1, 600), length - i);
                    cluster.AsSpan(i, run).Fill((byte)random.Next(256));
                    i += run;
                }

                break;
            default:
                throw new ArgumentException(kind, nameof(kind));
        }

        return cluster;
    }

    private static void FillWithWords(byte[] cluster, Random random)
    {
        string[] words = ["image", "cluster", "refcount", "backing", "the", "of", "and", "flush", "\n", "offset 0x"];
        int at = 0;
        while (at < cluster.Length)
        {
            byte[] word = Encoding.ASCII.GetBytes(words[random.Next(words.Length)] + " " + random.Next(1000));
            int length = Math.Min(word.Length, cluster.Length - at);
            word.AsSpan(0, length).CopyTo(cluster.AsSpan(at));
            at += length;
        }
    }
}
