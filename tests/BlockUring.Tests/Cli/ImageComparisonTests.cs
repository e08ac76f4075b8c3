using BlockUring.Cli.Img;
using BlockUring.Cli.Output;
using BlockUring.Images;
using BlockUring.Native.Memory;
using BlockUring.Storage;
using CsCheck;
using Xunit;

namespace BlockUring.Tests.Cli;

public sealed class ImageComparisonTests : IDisposable
{
    private readonly BufferPool buffers = new();

    public void Dispose() => buffers.Dispose();

    [Fact]
    public async Task SameContentIsIdenticalWhateverIsAllocated()
    {
        var first = File(5 << 20, (100, 1), (3 << 20, 2));
        var second = File(5 << 20, (100, 1), (3 << 20, 2));
        second.Write(4 << 20, new byte[65536]);
        Assert.Null(await CompareAsync(first, second));
    }

    [Fact]
    public async Task TheFirstDifferenceIsReportedByItsSector() =>
        Assert.Equal("Content mismatch at offset 3146240!", await CompareAsync(File(8 << 20, (3 << 20, 9)), File(8 << 20, (3 << 20, 9), ((3 << 20) + 1023, 1), (7 << 20, 1))));

    [Fact]
    public async Task DataAgainstAHoleIsReportedByItsByte()
    {
        // A whole page of data on one side only: the other side is a hole, which a raw image calls allocated and zero.
        var difference = await CompareAsync(File(1 << 20, (5000, 1)), File(1 << 20));
        Assert.Equal("Content mismatch at offset 4608!", difference);
    }

    [Fact]
    public async Task ALongerImageIsTheSameWhenTheRestIsZero()
    {
        var warned = 0;
        Assert.Null(await CompareAsync(File(1 << 20, (0, 1)), File(3 << 20, (0, 1)), () => warned++));
        Assert.Equal(1, warned);
        Assert.Equal("Content mismatch at offset 2000000!", await CompareAsync(File(3 << 20, (2000000, 1)), File(1 << 20)));
    }

    [Fact]
    public async Task StrictModeComparesSizes() =>
        Assert.Equal("Strict mode: Image size mismatch!", await CompareAsync(File(512), File(1024), strict: true));

    [Fact]
    public void AnyOneChangedByteIsFound() =>
        Gen.Int[0, (6 << 20) - 1].Sample(
            position =>
            {
                var changed = File(6 << 20, (position, 1));
                var full = File(6 << 20);
                full.Write(0, new byte[6 << 20]);
                var difference = CompareAsync(full, changed).GetAwaiter().GetResult();
                return difference == $"Content mismatch at offset {position / 512 * 512}!";
            },
            iter: 50,
            threads: 1,
            seed: "0000KOIPe036");

    private MemoryFile File(long length, params (long Offset, byte Value)[] content)
    {
        var file = new MemoryFile(buffers, "memory", length);
        foreach (var (offset, value) in content)
            file.Write(offset, [value]);
        return file;
    }

    private static async Task<string?> CompareAsync(MemoryFile first, MemoryFile second, Action? warn = null, bool strict = false)
    {
        var raw = ImageFormats.Find("raw")!;
        await using var one = new Image("one", await OpenAsync(raw, first), first);
        await using var two = new Image("two", await OpenAsync(raw, second), second);
        using var progress = ProgressReport.Start(new CommandOutput(TextWriter.Null, TextWriter.Null), false, 2);
        return await new ImageComparison(new(one, "one"), new(two, "two"), strict, progress, warn ?? (() => { })).RunAsync();
    }

    private static ValueTask<ImageFormat> OpenAsync(ImageDriver driver, MemoryFile file) =>
        driver.OpenAsync(new OpenContext(new MemoryFileHost(file.Buffers), file, new FileOpenOptions(), new OptionTree(), OpenGate.AllowAll, _ => { }));
}
