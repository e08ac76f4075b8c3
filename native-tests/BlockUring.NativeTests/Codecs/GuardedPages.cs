using static Tmds.Linux.LibC;

namespace BlockUring.NativeTests.Codecs;

/// <summary>Memory with an inaccessible page on either side: a program that touches a byte outside of it is killed.</summary>
internal sealed unsafe class GuardedPages : IDisposable
{
    private const int Page = 4096;

    private readonly byte* start;
    private readonly int length;

    public GuardedPages(int length)
    {
        this.length = (length + Page - 1) / Page * Page;
        start = (byte*)mmap(null, this.length + (2 * Page), PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (start == MAP_FAILED || mprotect(start + Page, this.length, PROT_READ | PROT_WRITE) != 0)
            throw new InvalidOperationException($"No guarded pages: errno {errno}");
    }

    /// <summary>The last bytes in front of the inaccessible page.</summary>
    public Span<byte> Last(int count) => new(start + Page + length - count, count);

    /// <summary>The first bytes behind the inaccessible page.</summary>
    public Span<byte> First(int count) => new(start + Page, count);

    public void Dispose() => _ = munmap(start, length + (2 * Page));
}
