namespace BlockUring.Images.Qcow2;

/// <summary>Header bytes 88 to 95: a writer that does not know a bit clears it before its first write.</summary>
[Flags]
internal enum AutoclearFeatures : ulong
{
    None = 0,

    /// <summary>The bitmaps extension is consistent with the image.</summary>
    Bitmaps = 1 << 0,

    /// <summary>The external data file is a valid raw image by itself.</summary>
    RawDataFile = 1 << 1,

    Known = Bitmaps | RawDataFile,
}
