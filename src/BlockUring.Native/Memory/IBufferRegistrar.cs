namespace BlockUring.Native.Memory;

/// <summary>Takes arenas into a ring's table of fixed buffers. Implemented by the ring; tests bring their own.</summary>
internal interface IBufferRegistrar
{
    /// <summary>Registers the memory; returns its index, or -1 when it stays unregistered (an expected answer, not an error).</summary>
    int Register(nint start, int length);

    /// <summary>Takes memory out of the table again; no operation on it is in flight.</summary>
    void Unregister(int index);
}
