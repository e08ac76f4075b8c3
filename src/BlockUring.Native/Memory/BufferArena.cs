using System.Numerics;
using BlockUring.Native.Interop;
using Tmds.Linux;
using static Tmds.Linux.LibC;

namespace BlockUring.Native.Memory;

/// <summary>
/// One anonymous mapping, split by a binary buddy allocator with 4 KiB as the smallest block. Huge pages where the host gives them:
/// MAP_HUGETLB first, then transparent huge pages by madvise, then normal pages.
/// </summary>
internal sealed unsafe class BufferArena
{
    public const int MinBlockBits = 12;

    private const int HugePageLength = 2 << 20;

    private readonly byte* mapping;
    private readonly nuint mappingLength;
    private readonly int levelCount;

    // Free blocks of size 2^(order + MinBlockBits), doubly linked by index; the two order arrays say what starts at a block, -1 for nothing.
    private readonly int[] head;
    private readonly int[] next;
    private readonly int[] previous;
    private readonly sbyte[] freeOrder;
    private readonly sbyte[] usedOrder;

    private BufferArena(byte* mapping, nuint mappingLength, byte* start, int length, PageKind pages)
    {
        this.mapping = mapping;
        this.mappingLength = mappingLength;
        Start = start;
        Length = length;
        Pages = pages;
        levelCount = BitOperations.Log2((uint)length) - MinBlockBits + 1;
        var blockCount = length >> MinBlockBits;
        head = new int[levelCount];
        next = new int[blockCount];
        previous = new int[blockCount];
        freeOrder = new sbyte[blockCount];
        usedOrder = new sbyte[blockCount];
        Array.Fill(head, -1);
        Array.Fill(freeOrder, (sbyte)-1);
        Array.Fill(usedOrder, (sbyte)-1);
        Link(0, levelCount - 1);
    }

    public enum PageKind
    {
        Normal,
        Transparent,
        Huge,
    }

    public byte* Start { get; }

    /// <summary>Bytes, a power of two.</summary>
    public int Length { get; }

    public PageKind Pages { get; }

    public int RegisteredIndex { get; set; } = -1;

    public int UsedBytes { get; private set; }

    /// <summary>Maps an arena of <paramref name="length"/> bytes (a power of two, 64 KiB or more).</summary>
    public static BufferArena Map(int length)
    {
        var huge = length >= HugePageLength;
        if (huge)
        {
            var pages = mmap(null, (size_t)(ulong)length, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB | MAP_HUGE_2MB, -1, 0);
            if (pages != MAP_FAILED)
                return new BufferArena((byte*)pages, (nuint)length, (byte*)pages, length, PageKind.Huge);
        }

        // Why: over-allocate address space by one huge page, so that the arena can start on one.
        var total = (nuint)length + (huge ? HugePageLength : 0u);
        var memory = (byte*)mmap(null, (size_t)(ulong)total, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (memory == (byte*)MAP_FAILED)
            throw new InsufficientMemoryException($"Could not map {length} bytes for I/O buffers: {Errno.Message(Errno.Last)}");
        if (!huge)
            return new BufferArena(memory, total, memory, length, PageKind.Normal);

        var start = (byte*)(((nuint)memory + HugePageLength - 1) & ~(nuint)(HugePageLength - 1));
        var transparent = madvise(start, (size_t)(ulong)length, MADV_HUGEPAGE) == 0;
        return new BufferArena(memory, total, start, length, transparent ? PageKind.Transparent : PageKind.Normal);
    }

    public void Unmap() => _ = munmap(mapping, (size_t)(ulong)mappingLength);

    /// <summary>A free block of at least <paramref name="length"/> bytes, or null when there is none.</summary>
    public byte* TryRent(int length)
    {
        var order = OrderOf(length);
        var from = order;
        while (from < levelCount && head[from] < 0)
            from++;
        if (from >= levelCount)
            return null;

        var block = head[from];
        Unlink(block, from);
        while (from > order)
        {
            from--;
            Link(block + (1 << from), from);
        }

        usedOrder[block] = (sbyte)order;
        UsedBytes += 1 << (order + MinBlockBits);
        return Start + ((long)block << MinBlockBits);
    }

    public void Return(byte* address)
    {
        var block = (int)((address - Start) >> MinBlockBits);
        int order = usedOrder[block];
        if (order < 0)
            throw new InvalidOperationException("An I/O buffer was returned twice.");
        usedOrder[block] = -1;
        UsedBytes -= 1 << (order + MinBlockBits);
        while (order < levelCount - 1)
        {
            var buddy = block ^ (1 << order);
            if (freeOrder[buddy] != order)
                break;
            Unlink(buddy, order);
            block = Math.Min(block, buddy);
            order++;
        }

        Link(block, order);
    }

    private static int OrderOf(int length) =>
        Math.Max(0, BitOperations.Log2(BitOperations.RoundUpToPowerOf2((uint)Math.Max(1, length))) - MinBlockBits);

    private void Link(int block, int order)
    {
        freeOrder[block] = (sbyte)order;
        previous[block] = -1;
        next[block] = head[order];
        if (head[order] >= 0)
            previous[head[order]] = block;
        head[order] = block;
    }

    private void Unlink(int block, int order)
    {
        freeOrder[block] = -1;
        if (previous[block] >= 0)
            next[previous[block]] = next[block];
        else
            head[order] = next[block];
        if (next[block] >= 0)
            previous[next[block]] = previous[block];
    }
}
