using System.Diagnostics;
using BlockUring.Native.Uring;
using Xunit;

namespace BlockUring.NativeTests.Uring;

public class MemoryLimitTests
{
    private const string ChildMark = "BLOCKURING_TEST_SMALL_MEMLOCK";

    private static bool IsChild => Environment.GetEnvironmentVariable(ChildMark) == "1";

    [Fact]
    public async Task BuffersStayUnregisteredWhereLockedMemoryIsScarce()
    {
        Assert.SkipWhen(IsChild, "this is the child");
        Assert.SkipUnless(File.Exists("/usr/bin/prlimit") && File.Exists("/usr/bin/setpriv"), "no prlimit or setpriv on this host");
        string[] drop = Environment.UserName == "root" ? ["/usr/bin/setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"] : [];
        string[] command =
        [
            "--memlock=65536:65536", .. drop, Environment.ProcessPath!, "-noColor", "-method",
            $"{typeof(MemoryLimitTests).FullName}.{nameof(EverythingWorksWithUnregisteredBuffers)}",
        ];
        var start = new ProcessStartInfo("/usr/bin/prlimit", command)
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            WorkingDirectory = "/",
        };
        start.Environment[ChildMark] = "1";
        using var process = Process.Start(start)!;
        var errors = process.StandardError.ReadToEndAsync();
        var output = await process.StandardOutput.ReadToEndAsync();
        await process.WaitForExitAsync();
        Assert.SkipWhen(output.Length == 0 && process.ExitCode != 0, $"the child did not start: {await errors}");
        Assert.True(process.ExitCode == 0, output + await errors);
        Assert.Contains("Total: 1, Errors: 0, Failed: 0, Skipped: 0", output);
    }

    [Fact]
    public void ArenasThatGiveWayLeaveTheirSlotsToTheNext() => RingHost.Run(
        async thread =>
        {
            using var temp = new TempFile(4 << 20);
            using var file = temp.Open();

            // Four arenas fill both slots of the table and the limit; each longer buffer needs all before it to go.
            var shorts = Enumerable.Range(0, 4).Select(_ => thread.Buffers.Rent(1 << 20)).ToArray();
            Assert.Equal(2, shorts.Count(b => b.RegisteredIndex >= 0));
            for (var i = 0; i < shorts.Length; i++)
            {
                await thread.Queue.ReadAsync(file, i << 20, shorts[i].Memory);
                Assert.True(shorts[i].Span.SequenceEqual(temp.Content.AsSpan(i << 20, 1 << 20)));
                shorts[i].Dispose();
            }

            for (var length = 2 << 20; length <= 4 << 20; length *= 2)
            {
                using var longer = thread.Buffers.Rent(length);
                Assert.True(longer.RegisteredIndex >= 0);
                Assert.Equal(length, thread.Buffers.MappedBytes);
                await thread.Queue.ReadAsync(file, 0, longer.Memory);
                Assert.True(longer.Span.SequenceEqual(temp.Content.AsSpan(0, length)));
            }
        },
        new IoThreadOptions { Ring = new RingOptions { BufferSlots = 2 }, MaxBufferBytes = 4 << 20, BufferArenaLength = 1 << 20 });

    [Fact]
    public void EverythingWorksWithUnregisteredBuffers()
    {
        Assert.SkipUnless(IsChild, "runs as a child process with a small limit on locked memory");
        RingHost.Run(async thread =>
        {
            using var temp = new TempFile();
            using var file = temp.Open();
            using var written = thread.Buffers.Rent(1 << 20);
            using var read = thread.Buffers.Rent(1 << 20);
            Assert.Equal(-1, written.RegisteredIndex);
            Assert.EndsWith("0 registered", thread.Buffers.Description);
            new Random(3).NextBytes(written.Span);
            await thread.Queue.WriteAsync(file, 4096, written.Memory);
            await thread.Queue.ReadAsync(file, 4096, read.Memory);
            Assert.True(written.Span.SequenceEqual(read.Span));
        });
    }
}
