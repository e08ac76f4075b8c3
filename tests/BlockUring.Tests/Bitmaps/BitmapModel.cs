using BlockUring.Bitmaps;
using Xunit;

namespace BlockUring.Tests.Bitmaps;

/// <summary>A dirty bitmap next to one bool a chunk, under random changes.</summary>
internal sealed class BitmapModel(Random random, long length, int granularity)
{
    private bool[] chunks = new bool[ChunkCount(length, granularity)];

    public DirtyBitmap Bitmap { get; } = new("x", length, granularity);

    private long Length => Bitmap.Length;

    public void Change()
    {
        switch (random.Next(12))
        {
            case 0:
                Bitmap.Clear();
                chunks.AsSpan().Clear();
                break;
            case 1:
                Bitmap.SetAll();
                chunks.AsSpan().Fill(true);
                break;
            case 2:
                Truncate();
                break;
            case 3:
                MergeAnother();
                break;
            case < 8:
                var (start, end) = Range();
                Bitmap.Set(start, end - start);
                if (end > start)
                    Fill(start, end, true);
                break;
            default:
                Reset();
                break;
        }
    }

    public void Check()
    {
        Assert.Equal(chunks.LongCount(c => c) * granularity, Bitmap.Count);
        Assert.Equal(!chunks.Contains(true), Bitmap.IsAllClean);
        for (var i = 0; i < 20 && Length > 0; i++)
        {
            var offset = random.NextInt64(Length);
            Assert.Equal(chunks[offset / granularity], Bitmap.Get(offset));
        }

        for (var i = 0; i < 20; i++)
        {
            var (start, end) = Range();
            Assert.Equal(Next(start, end, true), Bitmap.NextDirty(start, end));
            Assert.Equal(Next(start, end, false), Bitmap.NextClean(start, end));
            CheckArea(start, end, random.NextInt64(1, Math.Max(2, Length)));
        }

        var bits = new byte[(chunks.Length + 63) / 64 * 8];
        Bitmap.ReadBits(0, bits);
        for (var i = 0; i < bits.Length * 8; i++)
            Assert.Equal(i < chunks.Length && chunks[i], (bits[i / 8] >> (i % 8) & 1) != 0);
    }

    private static long ChunkCount(long length, int granularity) => (length + granularity - 1) / granularity;

    private void CheckArea(long start, long end, long maxLength)
    {
        var found = Bitmap.NextDirtyArea(start, end, maxLength, out var offset, out var length);
        var first = Next(start, end, true);
        Assert.Equal(first >= 0, found);
        if (!found)
            return;
        var stop = Math.Min(end, first + maxLength);
        var clean = Next(first, stop, false);
        Assert.Equal((first, (clean < 0 ? stop : clean) - first), (offset, length));
    }

    private void Truncate()
    {
        var length = random.Next(3) == 0 ? random.NextInt64(Length + 1) : random.NextInt64((Length * 3 / 2) + 5000);
        Bitmap.Truncate(length);
        Array.Resize(ref chunks, (int)ChunkCount(length, granularity));
    }

    private void MergeAnother()
    {
        var other = new BitmapModel(random, Length, Math.Max(512, random.Next(3) switch { 0 => granularity, 1 => granularity >> 2, _ => granularity << 3 }));
        for (var i = 0; i < 3; i++)
        {
            var (start, end) = other.Range();
            other.Bitmap.Set(start, end - start);
            if (end > start)
                other.Fill(start, end, true);
        }

        var replaces = random.Next(3) == 0;
        if (replaces)
            Bitmap.CopyFrom(other.Bitmap);
        else
            Bitmap.Merge(other.Bitmap);
        if (replaces)
            chunks.AsSpan().Clear();
        for (var i = 0L; i < other.chunks.Length; i++)
        {
            if (other.chunks[i])
                Fill(i * other.Bitmap.Granularity, Math.Min(Length, (i + 1) * other.Bitmap.Granularity), true);
        }
    }

    private void Reset()
    {
        var (start, end) = Range();
        start -= start % granularity;
        end = end == Length || random.Next(3) == 0 ? Length : end - (end % granularity);
        if (end < start)
            return;
        Bitmap.Reset(start, end - start);
        if (end > start)
            Fill(start, end, false);
    }

    private void Fill(long start, long end, bool value)
    {
        for (var i = start / granularity; i <= (end - 1) / granularity; i++)
            chunks[i] = value;
    }

    private long Next(long start, long end, bool value)
    {
        for (var i = start / granularity; i < chunks.Length && i * granularity < end; i++)
        {
            if (chunks[i] == value && Math.Max(start, i * granularity) < end)
                return Math.Max(start, i * granularity);
        }

        return -1;
    }

    private (long Start, long End) Range()
    {
        var start = random.NextInt64(Length + 1);
        var end = random.Next(3) switch
        {
            0 => Length,
            1 => Math.Min(Length, start + random.NextInt64(20L * granularity)),
            _ => random.NextInt64(start, Length + 1),
        };
        return (start, end);
    }
}
