using System.Runtime.InteropServices;
using System.Text;

namespace BlockUring.Compare.Cases;

/// <summary>Seeded bytes, fast enough to fill gigabytes: splitmix64, and text from a small vocabulary.</summary>
internal sealed class ContentGenerator
{
    private readonly byte[][] _words;
    private ulong _state;

    public ContentGenerator(ulong seed)
    {
        _state = seed;
        _words = [.. Enumerable.Range(0, 4096).Select(_ => MakeWord())];
    }

    /// <summary>The next 64 random bits.</summary>
    public ulong Next()
    {
        var mixed = _state += 0x9E3779B97F4A7C15;
        mixed = (mixed ^ (mixed >> 30)) * 0xBF58476D1CE4E5B9;
        mixed = (mixed ^ (mixed >> 27)) * 0x94D049BB133111EB;
        return mixed ^ (mixed >> 31);
    }

    /// <summary>A random number from 0 to <paramref name="limit"/> − 1.</summary>
    public long Below(long limit) => (long)(Next() % (ulong)limit);

    /// <summary>Fills with incompressible bytes; the length is a multiple of 8.</summary>
    public void FillRandom(Span<byte> buffer)
    {
        foreach (ref var word in MemoryMarshal.Cast<byte, ulong>(buffer))
            word = Next();
    }

    /// <summary>Fills with words of a skewed vocabulary, as logs and source code are.</summary>
    public void FillText(Span<byte> buffer)
    {
        while (buffer.Length > 0)
        {
            var random = Next();
            // Why the product: small indexes become frequent, so the words are distributed as in natural text.
            var index = (int)((random & 0xfff) * ((random >> 12) & 0xfff) >> 12);
            var word = _words[index].AsSpan();
            var length = Math.Min(word.Length, buffer.Length);
            word[..length].CopyTo(buffer);
            buffer = buffer[length..];
        }
    }

    private byte[] MakeWord()
    {
        var word = new StringBuilder();
        for (var left = 2 + Below(9); left > 0; left--)
            word.Append((char)('a' + Below(26)));
        word.Append(Below(12) == 0 ? '\n' : ' ');
        return Encoding.ASCII.GetBytes(word.ToString());
    }
}
