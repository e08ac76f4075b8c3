namespace BlockUring.Qmp.Commands;

/// <summary>Arguments of qmp_capabilities.</summary>
/// <param name="Enable">Capabilities to switch on.</param>
internal sealed record NegotiateArguments(IReadOnlyList<string>? Enable = null);
