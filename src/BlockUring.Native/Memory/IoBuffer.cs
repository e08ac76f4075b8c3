using System.Diagnostics;

namespace BlockUring.Native.Memory;

/// <summary>
/// A block of memory outside the managed heap, aligned for O_DIRECT (4096 bytes) and, where the pool is attached to a ring, registered
/// with it. It never moves.
/// </summary>
/// <remarks>
/// Ownership: whoever holds it returns it with <see cref="Dispose"/>, exactly once; handing it on is a move. Others look through
/// <see cref="Span"/> or <see cref="Memory"/> and keep neither. While an operation is in flight the kernel owns the bytes.
/// Not safe for concurrent use; renting and returning happen on the pool's thread.
/// </remarks>
public sealed unsafe class IoBuffer : IDisposable
{
    private readonly BufferPool pool;

    internal IoBuffer(BufferPool pool) => this.pool = pool;

    internal byte* Address { get; private set; }

    /// <summary>The buffer-table index for fixed reads and writes, or -1 when the memory is not registered.</summary>
    internal int RegisteredIndex { get; private set; } = -1;

    internal BufferArena? Arena { get; private set; }

    /// <summary>Usable bytes: the length asked for when renting.</summary>
    public int Length { get; private set; }

    /// <summary>The bytes. Contents are undefined after renting.</summary>
    public Span<byte> Span
    {
        get
        {
            Debug.Assert(Address != null, "buffer used after it was returned");
            return new Span<byte>(Address, Length);
        }
    }

    /// <summary>The whole buffer as an argument for I/O.</summary>
    public IoMemory Memory => new(this, 0, Length);

    /// <summary>Returns the memory to the pool. A second call is a broken invariant and throws.</summary>
    public void Dispose() => pool.Return(this);

    internal void Attach(BufferArena arena, byte* address, int length, int registeredIndex)
    {
        Arena = arena;
        Address = address;
        Length = length;
        RegisteredIndex = registeredIndex;
    }

    internal void Detach()
    {
        Arena = null;
        Address = null;
        Length = 0;
    }
}
