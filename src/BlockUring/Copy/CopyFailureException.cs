using BlockUring.Storage;

namespace BlockUring.Copy;

/// <summary>A request of a copy failed: on which side, and why.</summary>
public sealed class CopyFailureException : Exception
{
    /// <summary>Says on which side.</summary>
    public CopyFailureException(bool isRead, BlockException cause)
        : base(cause.Message, cause)
    {
        IsRead = isRead;
        Cause = cause;
    }

    /// <summary>Whether the source failed, rather than the target.</summary>
    public bool IsRead { get; }

    /// <summary>Why.</summary>
    public BlockException Cause { get; }
}
