using BlockUring.Qmp.Commands;

namespace BlockUring.Qmp;

/// <summary>What a client is told first.</summary>
/// <param name="Version">As query-version answers.</param>
/// <param name="Capabilities">What can be switched on by qmp_capabilities.</param>
internal sealed record GreetingInfo(VersionInfo Version, IReadOnlyList<string> Capabilities);
