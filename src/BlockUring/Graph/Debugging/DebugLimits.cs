using System.Numerics;
using BlockUring.Images;
using BlockUring.Storage;

namespace BlockUring.Graph.Debugging;

/// <summary>What requests a blkdebug node passes on. All in bytes; 0 is no limit.</summary>
/// <param name="Alignment">Of offset and length, 1 or more.</param>
/// <param name="MaxTransfer">The longest read or write.</param>
/// <param name="ZeroAlignment">Of zero writes; what lies at the edges is written as data.</param>
/// <param name="MaxZeroes">The longest zero write.</param>
/// <param name="DiscardAlignment">Of discards; what lies at the edges is not discarded.</param>
/// <param name="MaxDiscard">The longest discard.</param>
internal sealed record DebugLimits(
    int Alignment, long MaxTransfer, long ZeroAlignment, long MaxZeroes, long DiscardAlignment, long MaxDiscard)
{
    // Why: requests that are cut out of whole units go through a buffer.
    private const long MaxAlignment = 16 << 20;

    /// <summary>Takes the limits out of the options.</summary>
    /// <param name="options">"align", "max-transfer" and so on.</param>
    /// <param name="least">The alignment that the node below wants.</param>
    public static DebugLimits Take(OptionTree options, int least)
    {
        var align = TakeSize(options, "align");
        if (align is < 0 or > MaxAlignment || (align != 0 && !BitOperations.IsPow2(align)))
            throw Unmet("align", align);
        align = Math.Max(align, Math.Max(1, least));
        var maxTransfer = TakeMultiple(options, "max-transfer", align);
        var zero = TakeMultiple(options, "opt-write-zero", align);
        var maxZero = TakeMultiple(options, "max-write-zero", Math.Max(zero, align));
        var discard = TakeMultiple(options, "opt-discard", align);
        var maxDiscard = TakeMultiple(options, "max-discard", Math.Max(discard, align));
        return new((int)align, maxTransfer, Math.Max(zero, align), maxZero, Math.Max(discard, align), maxDiscard);
    }

    private static long TakeMultiple(OptionTree options, string name, long unit)
    {
        var value = TakeSize(options, name);
        return value is >= 0 and < int.MaxValue && value % unit == 0 ? value : throw Unmet(name, value);
    }

    private static long TakeSize(OptionTree options, string name) =>
        options.TryTake(name, out var text) ? OptionText.ParseSize(name, text) : 0;

    private static BlockException Unmet(string name, long value) =>
        new(BlockErrorKind.Invalid, $"Cannot meet constraints with {name} {value}");
}
