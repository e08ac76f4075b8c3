namespace BlockUring.Jobs.Backup;

/// <summary>What a backup copies.</summary>
public enum BackupSync
{
    /// <summary>Everything.</summary>
    Full,

    /// <summary>What the top layer holds.</summary>
    Top,

    /// <summary>Nothing but what is overwritten while it lasts.</summary>
    None,

    /// <summary>What a bitmap says; then the bitmap starts anew, if all went well.</summary>
    Incremental,

    /// <summary>What a bitmap says; what becomes of the bitmap is said apart.</summary>
    Bitmap,
}
