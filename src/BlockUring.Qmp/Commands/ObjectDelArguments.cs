namespace BlockUring.Qmp.Commands;

/// <summary>Arguments of object-del.</summary>
/// <param name="Id">Of the object.</param>
internal sealed record ObjectDelArguments(string Id);
