namespace BlockUring.Native.Uring;

/// <summary>How an <see cref="IoThread"/> is set up.</summary>
public sealed record IoThreadOptions
{
    /// <summary>The ring.</summary>
    public RingOptions Ring { get; init; } = new();

    /// <summary>The most bytes of I/O buffers.</summary>
    public long MaxBufferBytes { get; init; } = 512 << 20;

    /// <summary>Bytes of buffers mapped at a time.</summary>
    public int BufferArenaLength { get; init; } = 4 << 20;

    /// <summary>Whether buffers are registered with the ring: worth it for bulk copies, a cost for one-shot commands.</summary>
    public bool RegisterBuffers { get; init; } = true;

    /// <summary>Worker threads for processor work; 0 means one for each processor.</summary>
    public int WorkerCount { get; init; }

    /// <summary>The clock.</summary>
    public TimeProvider Time { get; init; } = TimeProvider.System;
}
