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

    /// <summary>
    /// The log of write intents is valid: an extension of ours, with a bit that nobody else has a use for, since this is how writers are found out that
    /// do not keep the log.
    /// </summary>
    WriteIntents = 1ul << 62,

    Known = Bitmaps | RawDataFile | WriteIntents,
}
