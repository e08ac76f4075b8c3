namespace BlockUring.Qmp;

/// <summary>The members of BLOCK_IMAGE_CORRUPTED.</summary>
/// <param name="Device">Empty: no device has a name here.</param>
/// <param name="NodeName">The node of the image.</param>
/// <param name="Msg">What was found.</param>
/// <param name="Offset">Where in the file, in bytes.</param>
/// <param name="Size">How many bytes.</param>
/// <param name="Fatal">Whether the image is not written any more.</param>
internal sealed record ImageCorruptedData(string Device, string NodeName, string Msg, long Offset, long Size, bool Fatal);
