using BlockUring.Images;
using BlockUring.Storage;

namespace BlockUring.Cli.Img;

/// <summary>A size as `img resize` takes it: that one, or so much more or less.</summary>
/// <param name="Sign">1 for more, -1 for less, 0 for that one.</param>
/// <param name="Bytes">As 64 bits without a sign, whose highest bit counts as one, as in QEMU.</param>
internal readonly record struct SizeChange(int Sign, long Bytes)
{
    /// <summary>Parses "SIZE", "+SIZE" or "-SIZE".</summary>
    /// <exception cref="BlockException">It is no size, in the words for an option of that name.</exception>
    public static SizeChange Parse(string text)
    {
        var sign = text.Length == 0 ? 0 : text[0] == '+' ? 1 : text[0] == '-' ? -1 : 0;
        var size = sign == 0 ? text : text[1..];
        return SizeText.Parse(size, 1, out var bytes) == SizeTextResult.Parsed
            ? new SizeChange(sign, unchecked((long)bytes))
            : new SizeChange(sign, OptionText.ParseSize("size", size));
    }

    /// <summary>The size that comes of it; not positive where there is none.</summary>
    public long From(long current) => Sign == 0 ? Bytes : unchecked(current + (Sign * Bytes));
}
