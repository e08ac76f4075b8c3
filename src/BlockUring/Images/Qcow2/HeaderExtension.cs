namespace BlockUring.Images.Qcow2;

/// <summary>A header extension as it is in the file (specification: "Header extensions").</summary>
/// <param name="Type">The magic number.</param>
/// <param name="Data">The bytes without the padding to a multiple of 8.</param>
internal sealed record HeaderExtension(uint Type, byte[] Data)
{
    public const uint End = 0;
    public const uint BackingFormat = 0xe2792aca;
    public const uint FeatureNames = 0x6803f857;
    public const uint Bitmaps = 0x23852875;
    public const uint Encryption = 0x0537be77;
    public const uint WriteIntents = 0x77496e74;
    public const uint DataFileName = 0x44415441;
}
