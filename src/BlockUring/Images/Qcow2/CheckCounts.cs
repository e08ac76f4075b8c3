namespace BlockUring.Images.Qcow2;

/// <summary>How much a check has found and repaired.</summary>
/// <param name="CheckErrors">Parts that could not be checked.</param>
/// <param name="Corruptions">Those left.</param>
/// <param name="Leaks">Those left.</param>
/// <param name="CorruptionsFixed">Those repaired.</param>
/// <param name="LeaksFixed">Those given back.</param>
internal readonly record struct CheckCounts(long CheckErrors, long Corruptions, long Leaks, long CorruptionsFixed, long LeaksFixed);
