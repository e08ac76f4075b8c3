namespace BlockUring.Native.Memory;

/// <summary>Takes arenas into a ring's table of fixed buffers. Implemented by the ring; tests bring their own.</summary>
internal unsafe interface IBufferRegistrar
{
    /// <summary>Registers the memory; returns its index, or -1 when it stays unregistered (an expected answer, not an error).</summary>
    int Register(byte* start, int length);
}
