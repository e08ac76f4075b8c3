namespace BlockUring.Images;

/// <summary>What a check is to do about what it finds.</summary>
/// <param name="Report">Receives one line for each finding, as "ERROR cluster 5 refcount=1 reference=0"; printed as it is.</param>
/// <param name="FixesLeaks">Whether leaked clusters are given back.</param>
/// <param name="FixesErrors">Whether corruptions are repaired.</param>
public sealed record CheckRequest(Action<string> Report, bool FixesLeaks = false, bool FixesErrors = false)
{
    /// <summary>Receives what the program itself has to say, as opposed to findings: without the program's name; hints follow on lines of their own.</summary>
    public Action<string> Complain { get; init; } = Report;
}
