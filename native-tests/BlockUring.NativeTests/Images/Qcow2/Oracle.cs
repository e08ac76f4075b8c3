using System.Text.Json;
using BlockUring.Images;
using BlockUring.Native.Memory;
using BlockUring.Storage;
using Xunit;

namespace BlockUring.NativeTests.Images.Qcow2;

/// <summary>Compares what we see in an image with what qemu-img sees.</summary>
internal static class Oracle
{
    /// <summary>Opens an image with its chain.</summary>
    public static ValueTask<Image> OpenAsync(BufferPool buffers, string path, string? format = "qcow2") =>
        BackingChain.OpenAsync(path, format, new ImageOpenSettings(new PlainFileHost(buffers), new FileOpenOptions()));

    /// <summary>Every guest byte is that of `qemu-img convert -O raw`.</summary>
    public static async Task AssertSameContentAsync(Image image, string rawPath)
    {
        var expected = await File.ReadAllBytesAsync(rawPath);
        Assert.Equal(expected.Length, image.Length);
        var random = new Random(7);
        using var buffer = image.Buffers.Rent(4 << 20);
        for (long offset = 0; offset < image.Length;)
        {
            // Mostly large reads, some that start and end in the middle of clusters.
            var wanted = random.Next(4) == 0 ? random.Next(1, 5000) : random.Next(1, buffer.Length + 1);
            var count = (int)Math.Min(wanted, image.Length - offset);
            await image.ReadAsync(offset, buffer.Memory.Slice(0, count));
            var same = buffer.Span[..count].CommonPrefixLength(expected.AsSpan((int)offset, count));
            Assert.True(same == count, $"{image.FileName}: byte {offset + same} differs from qemu-img's");
            offset += count;
        }
    }

    /// <summary>Our block status, merged as `map` merges, is `qemu-img map --output=json`.</summary>
    public static async Task AssertSameMapAsync(Image image, string path)
    {
        using var document = JsonDocument.Parse(await Tool.RunAsync("qemu-img", "map", "--output=json", path));
        var theirs = document.RootElement.EnumerateArray().Select(MapLine.Parse).ToList();
        var ours = await ReadMapAsync(image);
        Assert.Equal(theirs, ours);
    }

    private static async Task<List<MapLine>> ReadMapAsync(Image image)
    {
        var lines = new List<MapLine>();
        for (long offset = 0; offset < image.Length;)
        {
            var status = await image.GetStatusAsync(offset, image.Length - offset);
            var next = new MapLine(
                offset, status.Length, status.Depth, status.IsAllocated, status.IsZero, status.IsData, status.File != null ? status.HostOffset : -1);
            if (lines.Count > 0 && lines[^1].TryMerge(next) is { } merged)
                lines[^1] = merged;
            else
                lines.Add(next);
            offset += status.Length;
        }

        return lines;
    }

    /// <summary>One line of `map`; the offset is -1 when there is none.</summary>
    internal sealed record MapLine(long Start, long Length, int Depth, bool Present, bool Zero, bool Data, long Offset)
    {
        public static MapLine Parse(JsonElement line) => new(
            line.GetProperty("start").GetInt64(),
            line.GetProperty("length").GetInt64(),
            line.GetProperty("depth").GetInt32(),
            line.GetProperty("present").GetBoolean(),
            line.GetProperty("zero").GetBoolean(),
            line.GetProperty("data").GetBoolean(),
            line.TryGetProperty("offset", out var offset) ? offset.GetInt64() : -1);

        public MapLine? TryMerge(MapLine next)
        {
            var merges = Depth == next.Depth && Present == next.Present && Zero == next.Zero && Data == next.Data
                && (Offset >= 0 ? Offset + Length == next.Offset : next.Offset < 0);
            return merges ? this with { Length = Length + next.Length } : null;
        }
    }
}
