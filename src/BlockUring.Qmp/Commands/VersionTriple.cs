namespace BlockUring.Qmp.Commands;

/// <summary>A version of QEMU.</summary>
/// <param name="Major">Changes once a year.</param>
/// <param name="Minor">Changes three times a year.</param>
/// <param name="Micro">Corrections.</param>
internal sealed record VersionTriple(long Major, long Minor, long Micro);
