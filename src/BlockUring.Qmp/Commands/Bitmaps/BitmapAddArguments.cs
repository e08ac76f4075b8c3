namespace BlockUring.Qmp.Commands.Bitmaps;

/// <summary>Arguments of block-dirty-bitmap-add ("BlockDirtyBitmapAdd").</summary>
/// <param name="Node">The node.</param>
/// <param name="Name">The new bitmap's name.</param>
/// <param name="Granularity">Bytes of a chunk, a power of two; by default what suits the node.</param>
/// <param name="Persistent">Whether it is stored in the image when that is closed.</param>
/// <param name="Disabled">Whether it records no writes yet.</param>
internal sealed record BitmapAddArguments(string Node, string Name, uint? Granularity = null, bool? Persistent = null, bool? Disabled = null);
