namespace BlockUring.Native.Uring;

/// <summary>What a ring should be like. Features that the kernel lacks are left out and reported, not demanded.</summary>
public sealed record RingOptions
{
    /// <summary>Submission queue entries, rounded up by the kernel to a power of two. The completion queue is four times as long.</summary>
    public int Entries { get; init; } = 256;

    /// <summary>Slots in the table of registered files.</summary>
    public int FileSlots { get; init; } = 256;

    /// <summary>Slots in the table of registered buffers.</summary>
    public int BufferSlots { get; init; } = 64;

    /// <summary>Features not to use even where the kernel has them: for tests of the fall-backs.</summary>
    public RingFeature Without { get; init; }
}
