namespace BlockUring.Qmp.Commands;

/// <summary>Arguments of qom-list.</summary>
/// <param name="Path">Of the object: absolute, or any end of it that is unique.</param>
internal sealed record QomPathArguments(string Path);
