using BlockUring.Images;
using BlockUring.Storage;

namespace BlockUring.Graph;

/// <summary>The options that every node has, as text.</summary>
internal static class NodeSettingsText
{
    /// <summary>Takes them out of the tree; what is not given is as in <paramref name="defaults"/>.</summary>
    public static NodeSettings Take(OptionTree options, NodeSettings defaults)
    {
        var settings = defaults with
        {
            ReadOnly = TakeBool(options, "read-only") ?? defaults.ReadOnly,
            AutoReadOnly = TakeBool(options, "auto-read-only") ?? defaults.AutoReadOnly,
            Direct = TakeBool(options, "cache.direct") ?? defaults.Direct,
            NoFlush = TakeBool(options, "cache.no-flush") ?? defaults.NoFlush,
            ForceShare = TakeBool(options, "force-share") ?? defaults.ForceShare,
            Unmap = TakeUnmap(options) ?? defaults.Unmap,
            DetectZeroes = TakeDetectZeroes(options) ?? defaults.DetectZeroes,
        };
        if (settings is { ForceShare: true, ReadOnly: false })
            throw new BlockException(BlockErrorKind.Invalid, "force-share=on can only be used with read-only images");
        if (settings is { DetectZeroes: DetectZeroes.Unmap, Unmap: false })
            throw new BlockException(BlockErrorKind.Invalid, "setting detect-zeroes to unmap is not allowed without setting discard operation to unmap");
        return settings;
    }

    private static bool? TakeBool(OptionTree options, string name) =>
        options.TryTake(name, out var text) ? OptionText.ParseBool(name, text) : null;

    private static bool? TakeUnmap(OptionTree options)
    {
        if (!options.TryTake("discard", out var text))
            return null;
        return text switch
        {
            "unmap" or "on" => true,
            "ignore" or "off" => false,
            _ => throw new BlockException(BlockErrorKind.Invalid, "Invalid discard option"),
        };
    }

    private static DetectZeroes? TakeDetectZeroes(OptionTree options)
    {
        if (!options.TryTake("detect-zeroes", out var text))
            return null;
        return text switch
        {
            "off" => DetectZeroes.Off,
            "on" => DetectZeroes.On,
            "unmap" => DetectZeroes.Unmap,
            _ => throw new BlockException(BlockErrorKind.Invalid, $"Parameter 'detect-zeroes' does not accept value '{text}'"),
        };
    }
}
