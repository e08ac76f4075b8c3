using System.Text.Json;

namespace BlockUring.Qmp.Commands.Bitmaps;

/// <summary>Arguments of block-dirty-bitmap-merge ("BlockDirtyBitmapMerge").</summary>
/// <param name="Node">The node.</param>
/// <param name="Target">The bitmap that receives.</param>
/// <param name="Bitmaps">The others: a name on the same node, or an object with node and name.</param>
internal sealed record BitmapMergeArguments(string Node, string Target, IReadOnlyList<JsonElement> Bitmaps);
