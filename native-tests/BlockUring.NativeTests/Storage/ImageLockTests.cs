using System.Diagnostics;
using BlockUring.Native.Uring;
using BlockUring.Storage;
using Xunit;

namespace BlockUring.NativeTests.Storage;

/// <summary>QEMU's processes and this one on the same image.</summary>
public sealed class ImageLockTests : IDisposable
{
    private static readonly FileOpenOptions Reading = new();
    private static readonly FileOpenOptions Writing = new(ReadOnly: false);

    private readonly TempFolder folder = new();
    private readonly string path;

    public ImageLockTests()
    {
        Tool.Demand("qemu-io");
        path = folder["image.qcow2"];
        Tool.Run("qemu-img", "create", "-q", "-f", "qcow2", path, "1M");
    }

    public void Dispose() => folder.Dispose();

    [Fact]
    public void AWriterInQemuKeepsUsOutAndIsNamed()
    {
        using var qemu = Hold("qcow2", readOnly: false);
        foreach (var options in (FileOpenOptions[])[Writing, Reading])
        {
            var (_, theirs) = Tool.TryRun("qemu-io", options.ReadOnly ? ["-r", "-f", "qcow2", path, "-c", "q"] : ["-f", "qcow2", path, "-c", "q"]);
            var error = HostFileOpenTests.OpenFailure(path, options);
            Assert.Equal(BlockErrorKind.Locked, error.Kind);
            var lines = error.Message.Split('\n');
            var lock1 = theirs[theirs.IndexOf("Failed to get", StringComparison.Ordinal)..].Trim();
            Assert.Equal($"Could not open '{path}': {lock1}", $"{lines[0]}\n{lines[1]}");
            Assert.StartsWith($"It is used by process {qemu.Id} (qemu-io ", lines[2]);
        }

        Open(Reading with { ForceShare = true });
        Open(Writing with { Locking = false });
        End(qemu);
        Open(Writing);
    }

    [Fact]
    public void AReaderInQemuSharesWithReadersOnly()
    {
        using var qemu = Hold("qcow2", readOnly: true);
        Open(Reading);
        Assert.Contains("Failed to get \"write\" lock", HostFileOpenTests.OpenFailure(path, Writing).Message);
        End(qemu);
    }

    [Fact]
    public void WeKeepQemuOut()
    {
        WhileOpen(Writing, () =>
        {
            Assert.Contains("Failed to get \"write\" lock", QemuIo("-f", "qcow2"));
            Assert.Contains("Failed to get shared \"write\" lock", QemuIo("-r", "-f", "qcow2"));
            Assert.Equal("", QemuIo("-r", "-U", "-f", "qcow2"));
        });
        WhileOpen(Reading, () =>
        {
            Assert.Contains("Failed to get \"write\" lock", QemuIo("-f", "qcow2"));
            Assert.Equal("", QemuIo("-r", "-f", "qcow2"));
        });
        Assert.Equal("", QemuIo("-f", "qcow2"));
    }

    [Fact]
    public void CreatingOverAnImageInUseFailsAndLeavesItAlone()
    {
        using var qemu = Hold("qcow2", readOnly: true);
        var before = new FileInfo(path).Length;
        var error = HostFileOpenTests.Failure(host => host.CreateAsync(path, 0, PreallocationMode.Off, Writing).AsTask());
        var theirs = Tool.TryRun("qemu-img", "create", "-q", "-f", "raw", path, "1M").Output.Trim();
        Assert.Equal(theirs, $"qemu-img: {path}: " + error.Message[..error.Message.LastIndexOf('\n')]);
        Assert.Equal(before, new FileInfo(path).Length);
        End(qemu);
    }

    [Theory]
    [InlineData("-r -f qcow2", true, false, false)]
    [InlineData("-r -U -f qcow2", true, false, true)]
    [InlineData("-f qcow2", false, false, false)]
    [InlineData("-r -f raw", true, true, false)]
    [InlineData("-f raw", false, true, false)]
    public void LockBytesAreThoseOfQemu(string arguments, bool readOnly, bool shareWrite, bool forceShare)
    {
        var format = arguments.Split(' ')[^1];
        using var qemu = Hold(format, readOnly, forceShare);
        var theirs = LockBytes(qemu.Id);
        End(qemu);
        SortedSet<int> ours = [];
        WhileOpen(new FileOpenOptions(readOnly, null, forceShare, shareWrite), () => ours = LockBytes(Environment.ProcessId));
        Assert.Equal(theirs, ours);
    }

    private SortedSet<int> LockBytes(int process)
    {
        var bytes = new SortedSet<int>();
        foreach (var link in Directory.GetFiles($"/proc/{process}/fd"))
        {
            if (new FileInfo(link).LinkTarget != path)
                continue;
            foreach (var line in File.ReadAllLines($"/proc/{process}/fdinfo/{Path.GetFileName(link)}"))
            {
                var words = line.Split(' ', StringSplitOptions.RemoveEmptyEntries);
                if (words[0].StartsWith("lock:", StringComparison.Ordinal))
                    bytes.UnionWith(Enumerable.Range(int.Parse(words[^2]), int.Parse(words[^1]) - int.Parse(words[^2]) + 1));
            }
        }

        return bytes;
    }

    private string QemuIo(params string[] arguments) => Tool.TryRun("qemu-io", [.. arguments, path, "-c", "q"]).Output.Trim();

    // A qemu-io that has the image open and waits for commands.
    private Process Hold(string format, bool readOnly, bool forceShare = false)
    {
        string[] mode = readOnly ? forceShare ? ["-r", "-U"] : ["-r"] : [];
        var process = Tool.Start("qemu-io", [.. mode, "-f", format, path]);
        process.StandardInput.WriteLine("length");
        process.StandardInput.Flush();
        for (string? line; (line = process.StandardOutput.ReadLine()) != null;)
        {
            if (line.Contains("MiB", StringComparison.Ordinal) || line.Contains("KiB", StringComparison.Ordinal))
                return process;
        }

        throw new InvalidOperationException("qemu-io did not open the image: " + process.StandardError.ReadToEnd());
    }

    private static void End(Process process)
    {
        process.StandardInput.Close();
        process.WaitForExit();
    }

    private void Open(FileOpenOptions options) => WhileOpen(options, () => { });

    private void WhileOpen(FileOpenOptions options, Action act) => IoThread.Run(new IoThreadOptions(), async thread =>
    {
        await using var file = await new LinuxFileHost(thread).OpenAsync(path, options);
        act();
        return 0;
    });
}
