namespace BlockUring.Native.Uring;

/// <summary>
/// An open descriptor that operations work on, with its slot in the ring's file table. Its owner turns error numbers into exceptions.
/// </summary>
public abstract class IoTarget
{
    /// <summary>Binds a descriptor; the owner closes it.</summary>
    /// <param name="descriptor">An open file descriptor.</param>
    /// <param name="directAlignment">
    /// With O_DIRECT, the alignment of its requests in bytes: a read that ends short and unaligned has met the end of the file. 0 without.
    /// </param>
    protected IoTarget(int descriptor, int directAlignment)
    {
        Descriptor = descriptor;
        DirectAlignment = directAlignment;
    }

    /// <summary>The file descriptor.</summary>
    public int Descriptor { get; }

    /// <summary>With O_DIRECT, the alignment of its requests in bytes; 0 without.</summary>
    public int DirectAlignment { get; }

    internal int FileSlot { get; set; } = -1;

    /// <summary>The exception for a failed operation.</summary>
    /// <param name="kind">What was attempted.</param>
    /// <param name="offset">Where, in bytes.</param>
    /// <param name="length">How much, in bytes.</param>
    /// <param name="errno">The error number, positive.</param>
    protected internal abstract Exception Failure(IoKind kind, long offset, long length, int errno);
}
