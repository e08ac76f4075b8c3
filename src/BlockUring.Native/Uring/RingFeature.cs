namespace BlockUring.Native.Uring;

/// <summary>The parts of io_uring that are used where the kernel has them, each with a fall-back.</summary>
[Flags]
public enum RingFeature
{
    /// <summary>Nothing beyond the base.</summary>
    None = 0,

    /// <summary>One thread submits (Linux 6.0).</summary>
    SingleIssuer = 1,

    /// <summary>Completion work runs when the owner asks for events (6.1).</summary>
    DeferTaskrun = 2,

    /// <summary>No interrupt of the owner for completion work (5.19).</summary>
    CoopTaskrun = 4,

    /// <summary>No index array between the queue and its entries (6.6).</summary>
    NoSqArray = 8,

    /// <summary>The ring's descriptor is registered (5.18).</summary>
    RegisteredRing = 16,

    /// <summary>A sparse table of registered files (5.19).</summary>
    RegisteredFiles = 32,

    /// <summary>A sparse table of registered buffers (5.19).</summary>
    RegisteredBuffers = 64,

    /// <summary>Time-outs as an argument of io_uring_enter (5.11).</summary>
    ExtArg = 128,

    /// <summary>A batch is submitted whole although an entry fails (5.18).</summary>
    SubmitAll = 256,
}
