namespace BlockUring.Jobs.Backup;

/// <summary>What becomes of the bitmap that said what to copy.</summary>
public enum BitmapMode
{
    /// <summary>It starts anew if the backup succeeds; otherwise it keeps its bits.</summary>
    OnSuccess,

    /// <summary>It keeps its bits whatever happens.</summary>
    Never,

    /// <summary>It starts anew in any case, with what was not copied.</summary>
    Always,
}
