namespace BlockUring.Qmp;

/// <summary>A failure as clients get it.</summary>
/// <param name="Class">The name of a <see cref="QmpErrorClass"/>.</param>
/// <param name="Desc">The message.</param>
internal sealed record ErrorInfo(string Class, string Desc);
