using BlockUring.Images;

namespace BlockUring.Jobs.Rebase;

/// <summary>What a rebase works on.</summary>
/// <param name="Overlay">The image that is to get another backing file; open for writing, above its old chain. Nobody else writes it.</param>
/// <param name="NewBacking">What will be seen where the overlay holds nothing; null for zeroes.</param>
/// <param name="Common">The layer that both chains have: below it they are one. See <see cref="CommonLayer"/>.</param>
public sealed record RebaseRequest(Image Overlay, Image? NewBacking, CommonLayer? Common)
{
    /// <summary>Whether clusters are stored compressed.</summary>
    public bool IsCompressed { get; init; }

    /// <summary>Told of the bytes of the overlay that are done.</summary>
    public Action<long> Advanced { get; init; } = _ => { };
}
