using BlockUring.Copy;
using BlockUring.Images;
using BlockUring.Images.Qcow2;
using BlockUring.Images.Raw;
using BlockUring.Native.Codecs;
using BlockUring.Native.Uring;
using BlockUring.Storage;
using Xunit;

namespace BlockUring.NativeTests.Copy;

/// <summary>Fails the k-th request of a copy, for each k: one failure, no hang, no buffer lost, and a target that can still be flushed.</summary>
public sealed class CopyFailureTests
{
    private const int Length = (3 << 20) + 1536;

    [Theory]
    [InlineData("raw", false)]
    [InlineData("qcow2", false)]
    [InlineData("qcow2", true)]
    public void Each_failing_request_ends_the_copy_cleanly(string targetFormat, bool isCompressed)
    {
        IoThread.Run(new IoThreadOptions { RegisterBuffers = false }, async thread =>
        {
            var requestCount = await CopyAsync(thread, targetFormat, isCompressed, 0);
            Assert.InRange(requestCount, 10, 10_000);
            for (var k = 1; k <= requestCount; k++)
                await CopyAsync(thread, targetFormat, isCompressed, k);
            return 0;
        });
    }

    private static async ValueTask<int> CopyAsync(IoThread thread, string targetFormat, bool isCompressed, int failAt)
    {
        var before = thread.Buffers.RentedBytes;
        var counter = new UnsteadyFile.Counter(failAt + 1);
        var sourceContent = new MemoryFile(thread.Buffers, "source");
        var bytes = Content();
        sourceContent.Write(0, bytes);
        var source = new Image("source", new RawImage(new UnsteadyFile(thread, sourceContent, counter)), sourceContent);
        var targetContent = await MakeTargetAsync(thread, targetFormat);
        var file = new UnsteadyFile(thread, targetContent, counter);
        var format = await OpenFormatAsync(thread, targetFormat, file);
        var target = new Image("target", format, file);
        counter.Count = 0;
        counter.FailAt = failAt;
        var failure = await TryAsync(thread, source, target, isCompressed);
        var requestCount = counter.Count;
        counter.FailAt = 0;
        Assert.Equal(failAt > 0 && failAt <= requestCount, failure != null);
        Assert.True(failure is null or BlockException, failure?.ToString());
        await target.FlushAsync();
        await AssertHoldsAsync(target, bytes, isWhole: failure == null);
        await target.DisposeAsync();
        await source.DisposeAsync();
        Assert.True(before == thread.Buffers.RentedBytes, $"k = {failAt}: {thread.Buffers.RentedBytes - before} bytes of buffers are lost after {failure}");
        if (targetFormat == "qcow2")
        {
            var check = Simulation.Images.Qcow2.ImageCheck.Of(targetContent);
            Assert.True(check.Errors.Count + check.Leaks.Count == 0, $"k = {failAt}: {string.Join('\n', check.Errors.Concat(check.Leaks))}");
        }

        return requestCount;
    }

    // Runs that compress by half, so that more than one buffer of compressed clusters is written, some that do not at all, and zeroes.
    private static byte[] Content()
    {
        var random = new Random(1);
        var bytes = new byte[Length];
        random.NextBytes(bytes);
        for (var i = 0; i < Length; i++)
        {
            if (i % 400_000 > 40_000)
                bytes[i] &= 15;
        }

        for (var at = 120_000; at < Length - 30_000; at += 300_000)
            bytes.AsSpan(at, 30_000).Clear();
        return bytes;
    }

    // Whatever the copy got to is there; the rest is zeroes.
    private static async ValueTask AssertHoldsAsync(Image target, byte[] expected, bool isWhole)
    {
        using var buffer = target.Buffers.Rent(4096);
        for (var at = 0; at < Length; at += 4096)
        {
            var part = Math.Min(4096, Length - at);
            await target.ReadAsync(at, buffer.Memory.Slice(0, part));
            var isSame = buffer.Span[..part].SequenceEqual(expected.AsSpan(at, part));
            Assert.True(isSame || (!isWhole && !buffer.Span[..part].ContainsAnyExcept((byte)0)), $"cluster at {at}");
        }
    }

    private static async ValueTask<Exception?> TryAsync(IoThread thread, Image source, Image target, bool isCompressed)
    {
        try
        {
            await target.Format.BeginFillAsync();
            var settings = new CopySettings(new CopySource([source]), target)
            {
                ChunkLength = 1 << 17,
                WorkerCount = 8,
                TargetIsZero = true,
                Compression = isCompressed ? CompressionType.Zlib : null,
            };
            await new BlockCopy(thread, settings).RunAsync(CancellationToken.None);
            await target.FlushAsync();
            return null;
        }
#pragma warning disable CA1031 // The test judges it.
        catch (Exception e)
#pragma warning restore CA1031
        {
            return e;
        }
    }

    private static async ValueTask<MemoryFile> MakeTargetAsync(IoThread thread, string format)
    {
        var host = new MemoryFileHost(thread.Buffers);
        var options = format == "qcow2" ? new Dictionary<string, string> { ["cluster_size"] = "4096" } : [];
        await ImageFormats.Find(format)!.CreateAsync(host, new CreateRequest("target", Length, options));
        return (MemoryFile)await host.OpenAsync("target", new FileOpenOptions());
    }

    private static async ValueTask<ImageFormat> OpenFormatAsync(IoThread thread, string format, BlockFile file) => format == "raw"
        ? new RawImage(file)
        : await Qcow2Opener.OpenAsync(new OpenContext(
            new MemoryFileHost(thread.Buffers), file, new FileOpenOptions(false), OptionTree.ParseKeyValues(""), OpenGate.AllowAll, _ => { }));
}
