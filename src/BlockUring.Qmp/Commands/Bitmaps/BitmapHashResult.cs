namespace BlockUring.Qmp.Commands.Bitmaps;

/// <summary>What x-debug-block-dirty-bitmap-sha256 answers ("BlockDirtyBitmapSha256").</summary>
/// <param name="Sha256">Hexadecimal digits.</param>
internal sealed record BitmapHashResult(string Sha256);
