namespace BlockUring.Qmp.Commands;

/// <summary>Arguments of qom-list-types.</summary>
/// <param name="Implements">Only types that are one of these; all when null.</param>
/// <param name="Abstract">Whether to tell of types that have no objects themselves.</param>
internal sealed record QomListTypesArguments(string? Implements = null, bool? Abstract = null);
