using System.Numerics;

namespace BlockUring.Native.Memory;

/// <summary>
/// Memory for I/O, rented and returned without allocation in steady state. Arenas are mapped on demand up to a byte limit, so the
/// limit bounds the bytes in flight.
/// </summary>
/// <remarks>Owned by one thread (that of the ring, if attached to one); not safe for concurrent use.</remarks>
public sealed unsafe class BufferPool : IDisposable
{
    /// <summary>The alignment in memory of every buffer, in bytes; enough for O_DIRECT on any device known to Linux.</summary>
    public const int Alignment = 1 << BufferArena.MinBlockBits;

    /// <summary>The longest buffer that can be rented, in bytes.</summary>
    public const int MaxBufferLength = 64 << 20;

    private const int MinArenaLength = 64 << 10;
    private const int MaxArenaLength = 1 << 30;

    private readonly List<BufferArena> arenas = [];
    private readonly Stack<IoBuffer> shells = new();
    private readonly int arenaLength;
    private IBufferRegistrar? registrar;

    /// <summary>Makes an empty pool; nothing is mapped before the first buffer is rented.</summary>
    /// <param name="maxBytes">The most bytes this pool may map.</param>
    /// <param name="arenaLength">
    /// Bytes mapped at a time, unless the limit or a longer buffer demands otherwise; rounded up to a power of two, 64 KiB to 1 GiB.
    /// </param>
    public BufferPool(long maxBytes = 256 << 20, int arenaLength = 4 << 20)
    {
        MaxBytes = maxBytes;
        this.arenaLength = (int)BitOperations.RoundUpToPowerOf2((uint)Math.Clamp(arenaLength, MinArenaLength, MaxArenaLength));
    }

    /// <summary>The most bytes this pool may map.</summary>
    public long MaxBytes { get; }

    /// <summary>Bytes mapped now.</summary>
    public long MappedBytes { get; private set; }

    /// <summary>Bytes rented now, each buffer rounded up to its block.</summary>
    public long RentedBytes
    {
        get
        {
            long sum = 0;
            foreach (var arena in arenas)
                sum += arena.UsedBytes;
            return sum;
        }
    }

    /// <summary>What the arenas are made of and whether they are registered, in words for a report.</summary>
    public string Description
    {
        get
        {
            if (arenas.Count == 0)
                return "nothing mapped yet";
            var registered = arenas.Count(a => a.RegisteredIndex >= 0);
            return $"{MappedBytes >> 10} KiB in {arenas.Count} arena(s), {arenas[0].Pages.ToString().ToLowerInvariant()} pages, {registered} registered";
        }
    }

    /// <summary>Rents a buffer. Its contents are undefined.</summary>
    /// <param name="length">Bytes, 1 to <see cref="MaxBufferLength"/>.</param>
    /// <exception cref="InsufficientMemoryException">The pool's limit is reached, or the host has no memory.</exception>
    public IoBuffer Rent(int length)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(length, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(length, MaxBufferLength);
        foreach (var arena in arenas)
        {
            var address = arena.TryRent(length);
            if (address != null)
                return Wrap(arena, address, length);
        }

        var added = AddArena(length);
        return Wrap(added, added.TryRent(length), length);
    }

    /// <summary>Unmaps everything. All buffers must have been returned.</summary>
    public void Dispose()
    {
        foreach (var arena in arenas)
            arena.Unmap();
        arenas.Clear();
        MappedBytes = 0;
    }

    /// <summary>From now on arenas are offered to <paramref name="registrar"/>, those that exist included.</summary>
    internal void AttachRegistrar(IBufferRegistrar registrar)
    {
        this.registrar = registrar;
        foreach (var arena in arenas)
            arena.RegisteredIndex = registrar.Register((nint)arena.Start, arena.Length);
    }

    internal void DetachRegistrar()
    {
        registrar = null;
        foreach (var arena in arenas)
            arena.RegisteredIndex = -1;
    }

    internal void Return(IoBuffer buffer)
    {
        var arena = buffer.Arena ?? throw new InvalidOperationException("An I/O buffer was returned twice.");
        arena.Return(buffer.Address);
        buffer.Detach();
        shells.Push(buffer);
    }

    private IoBuffer Wrap(BufferArena arena, byte* address, int length)
    {
        if (!shells.TryPop(out var shell))
            shell = new IoBuffer(this);
        shell.Attach(arena, address, length, arena.RegisteredIndex);
        return shell;
    }

    private BufferArena AddArena(int needed)
    {
        var shortest = Math.Max(MinArenaLength, (int)BitOperations.RoundUpToPowerOf2((uint)needed));
        var length = Math.Max(arenaLength, shortest);
        if (MappedBytes + length > MaxBytes)
            DropIdleArenas();
        while (MappedBytes + length > MaxBytes && length > shortest)
            length /= 2;
        if (MappedBytes + length > MaxBytes)
            throw new InsufficientMemoryException($"I/O buffers would exceed their limit of {MaxBytes} bytes");
        var arena = BufferArena.Map(length);
        arenas.Add(arena);
        MappedBytes += length;
        if (registrar != null)
            arena.RegisteredIndex = registrar.Register((nint)arena.Start, arena.Length);
        return arena;
    }

    // Makes room for an arena of another size: what nobody uses goes.
    private void DropIdleArenas()
    {
        for (var i = arenas.Count - 1; i >= 0; i--)
        {
            var arena = arenas[i];
            if (arena.UsedBytes > 0)
                continue;
            if (arena.RegisteredIndex >= 0)
                registrar?.Unregister(arena.RegisteredIndex);
            arena.Unmap();
            MappedBytes -= arena.Length;
            arenas.RemoveAt(i);
        }
    }
}
