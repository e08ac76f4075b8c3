namespace BlockUring.Qmp.Commands;

/// <summary>Arguments of qom-list-properties.</summary>
/// <param name="Typename">The type.</param>
internal sealed record QomTypeArguments(string Typename);
