namespace BlockUring.Qmp.Commands.Bitmaps;

/// <summary>Arguments of commands that name a dirty bitmap ("BlockDirtyBitmap").</summary>
/// <param name="Node">The node.</param>
/// <param name="Name">The bitmap's name there.</param>
internal sealed record BitmapArguments(string Node, string Name);
