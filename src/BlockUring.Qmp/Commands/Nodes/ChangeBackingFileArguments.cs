namespace BlockUring.Qmp.Commands.Nodes;

/// <summary>Arguments of change-backing-file.</summary>
/// <param name="Device">The root of the chain.</param>
/// <param name="ImageNodeName">The node of the chain whose image is changed.</param>
/// <param name="BackingFile">The name, as it is written.</param>
internal sealed record ChangeBackingFileArguments(string Device, string ImageNodeName, string BackingFile);
