namespace BlockUring.Nbd.Wire;

/// <summary>Flags of a chunk.</summary>
[Flags]
public enum NbdReplyFlags : ushort
{
    /// <summary>More chunks follow.</summary>
    None = 0,

    /// <summary>The last chunk of the reply.</summary>
    Done = 1,
}
