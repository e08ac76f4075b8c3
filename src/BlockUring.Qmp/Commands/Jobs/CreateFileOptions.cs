namespace BlockUring.Qmp.Commands.Jobs;

/// <summary>What a new file is to be ("BlockdevCreateOptionsFile").</summary>
/// <param name="Filename">The path.</param>
/// <param name="Size">Bytes.</param>
/// <param name="Preallocation">How its space is reserved.</param>
/// <param name="Nocow">Accepted; file systems decide for themselves.</param>
/// <param name="ExtentSizeHint">Accepted; file systems decide for themselves.</param>
internal sealed record CreateFileOptions(
    string Filename, ulong Size, string? Preallocation = null, bool? Nocow = null, ulong? ExtentSizeHint = null);
