namespace BlockUring.Images.Qcow2;

/// <summary>Kinds of metadata in an image file, for the checks before each write: QEMU's options "overlap-check.…".</summary>
[Flags]
internal enum MetadataKinds
{
    None = 0,
    MainHeader = 1 << 0,
    ActiveL1 = 1 << 1,
    ActiveL2 = 1 << 2,
    RefcountBlock = 1 << 3,
    RefcountTable = 1 << 4,
    SnapshotTable = 1 << 5,
    InactiveL1 = 1 << 6,
    InactiveL2 = 1 << 7,
    BitmapDirectory = 1 << 8,

    /// <summary>What is at a place that does not change.</summary>
    Constant = MainHeader | ActiveL1 | RefcountTable | SnapshotTable | BitmapDirectory,

    /// <summary>What is known without reading: the default.</summary>
    Cached = Constant | ActiveL2 | RefcountBlock | InactiveL1,

    All = Cached | InactiveL2,
}
