namespace BlockUring.Bitmaps;

/// <summary>What a user of a bitmap demands of its state; see <see cref="DirtyBitmap.Demand"/>.</summary>
[Flags]
public enum BitmapDemands
{
    /// <summary>Nothing.</summary>
    None = 0,

    /// <summary>No job and no export holds it.</summary>
    NotBusy = 1,

    /// <summary>It can be changed.</summary>
    Writable = 2,

    /// <summary>Its content can be trusted.</summary>
    Consistent = 4,

    /// <summary>What reading it, enabling and disabling take.</summary>
    Readable = NotBusy | Consistent,

    /// <summary>What removing it takes.</summary>
    Removable = NotBusy | Writable,

    /// <summary>What changing its bits takes.</summary>
    All = NotBusy | Writable | Consistent,
}
