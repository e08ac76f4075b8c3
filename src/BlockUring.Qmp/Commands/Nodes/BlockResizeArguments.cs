namespace BlockUring.Qmp.Commands.Nodes;

/// <summary>Arguments of block_resize.</summary>
/// <param name="Size">Bytes.</param>
/// <param name="Device">The name of a device, of which there are none here.</param>
/// <param name="NodeName">The node.</param>
internal sealed record BlockResizeArguments(long Size, string? Device = null, string? NodeName = null);
