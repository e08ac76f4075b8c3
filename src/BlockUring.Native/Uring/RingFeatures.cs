namespace BlockUring.Native.Uring;

/// <summary>What a ring was set up with.</summary>
/// <param name="Enabled">Features in use.</param>
/// <param name="SqEntries">Submission queue entries.</param>
/// <param name="CqEntries">Completion queue entries.</param>
/// <param name="Notes">One line for each feature that is not in use, saying why.</param>
public sealed record RingFeatures(RingFeature Enabled, int SqEntries, int CqEntries, IReadOnlyList<string> Notes)
{
    /// <summary>Whether a feature is in use.</summary>
    public bool Has(RingFeature feature) => (Enabled & feature) == feature;
}
