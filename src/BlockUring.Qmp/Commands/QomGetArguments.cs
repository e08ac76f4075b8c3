namespace BlockUring.Qmp.Commands;

/// <summary>Arguments of qom-get.</summary>
/// <param name="Path">Of the object.</param>
/// <param name="Property">Its name.</param>
internal sealed record QomGetArguments(string Path, string Property);
