namespace BlockUring.Jobs.Commit;

/// <summary>What an overlay needs before an image below it is committed into.</summary>
/// <param name="NodeName">The overlay's node; null when it is not open.</param>
/// <param name="FileName">Its file.</param>
/// <param name="Bytes">Bytes that it will get: its clusters, as far as it has none there and the commit changes what is below.</param>
/// <param name="DataBytes">How many of these are data to be copied; the others are zeroes.</param>
public sealed record OverlayDemand(string? NodeName, string FileName, long Bytes, long DataBytes);
