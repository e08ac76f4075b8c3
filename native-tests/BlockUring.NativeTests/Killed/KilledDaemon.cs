using System.Diagnostics;
using System.Text.Json;
using BlockUring.NativeTests.Daemon;
using Xunit;

namespace BlockUring.NativeTests.Killed;

/// <summary>
/// A chain of images with a guest that writes to it through our daemon while a job runs, until the daemon is killed at some moment. Then
/// qemu-img judges: no image is corrupt, and the guest's disk holds what was acknowledged and flushed.
/// </summary>
internal sealed class KilledDaemon : IDisposable
{
    private const int Block = 64 << 10;

    private readonly string folder = Directory.CreateTempSubdirectory("blockuring-killed").FullName;
    private readonly Random random;
    private readonly GuestDiskModel model;
    private readonly QmpPeer daemon;
    private readonly List<string> story = [];
    private bool isReady;
    private bool? hasEnded = false;

    /// <param name="template">A folder with the images.</param>
    /// <param name="content">What the guest's disk holds.</param>
    /// <param name="seed">Of everything random.</param>
    /// <param name="nodes">Options for blockdev-add, in order.</param>
    public KilledDaemon(string template, byte[] content, int seed, IEnumerable<string> nodes)
    {
        random = new Random(seed);
        model = new GuestDiskModel([.. content]);
        Shell($"cp --sparse=always {template}/* {folder}");
        daemon = new QmpPeer(
            DaemonUnderTest.Command(Side.Ours),
            folder,
            ["--chardev", "socket,id=c,path=qmp.sock,server=on,wait=off", "--monitor", "c", "--pidfile", "ready.pid"],
            () => string.Join('\n', story));
        daemon.WaitForFile(Path.Combine(folder, "ready.pid"));
        daemon.Connect(Path.Combine(folder, "qmp.sock"));
        daemon.Receive();
        Execute("qmp_capabilities", "{}");
        foreach (var node in nodes)
            Execute("blockdev-add", node);
    }

    /// <summary>Starts a job and writes; when it is ready, completes it. The daemon dies at a random moment, before or after its end.</summary>
    /// <param name="command">Starts the job, whose id is "j".</param>
    /// <param name="arguments">As JSON.</param>
    /// <param name="within">The moment is within this time.</param>
    /// <param name="guest">The node to which the guest writes while the job runs.</param>
    /// <param name="after">The one to which it writes when the job has ended; null for the same. In between it does not write then.</param>
    /// <returns>Whether the job had ended, with its result, when the daemon died; null when it may have.</returns>
    public bool? Run(string command, string arguments, TimeSpan within, string guest, string? after)
    {
        var end = TimeSpan.FromMilliseconds(random.NextDouble() * within.TotalMilliseconds);
        var watch = Stopwatch.StartNew();
        Execute(command, arguments);
        while (watch.Elapsed < end)
        {
            if (after == null || hasEnded == false)
                WriteSome(guest);
            else if (hasEnded == true)
                WriteSome(after);
            else
                Execute("query-jobs", "{}");
            if (!isReady)
                continue;
            (isReady, hasEnded) = (false, null);
            Execute("job-complete", """{"id":"j"}""");
        }

        Kill();
        return hasEnded;
    }

    /// <summary>Writes, writes zeroes and discards without a job, until the daemon dies at a random moment.</summary>
    /// <param name="within">The moment is within this time.</param>
    /// <param name="guest">The node to which the guest writes.</param>
    public void RunAlone(TimeSpan within, string guest)
    {
        var end = TimeSpan.FromMilliseconds(random.NextDouble() * within.TotalMilliseconds);
        for (var watch = Stopwatch.StartNew(); watch.Elapsed < end;)
        {
            if (random.Next(4) == 0)
                ClearSome(guest);
            else
                WriteSome(guest);
        }

        Kill();
    }

    /// <summary>Demands that no image is corrupt; leaks are allowed.</summary>
    public void CheckImages()
    {
        foreach (var image in Directory.EnumerateFiles(folder, "*.qcow2"))
        {
            var (exitCode, printed) = Shell($"qemu-img check -f qcow2 {image} 2>&1");
            if (exitCode is not (0 or 3))
                daemon.Fail($"{image} is corrupt: {printed}");
        }
    }

    /// <summary>Demands that one of some images shows the guest's disk.</summary>
    public void CheckDisk(params string[] images)
    {
        var losses = images.Select(i => (Image: i, Loss: model.FindLoss(Content(i)))).ToArray();
        if (losses.All(l => l.Loss != null))
            daemon.Fail(string.Join('\n', losses.Select(l => $"{l.Image}: {l.Loss}")));
    }

    /// <summary>Demands that an image shows what it showed before.</summary>
    public void CheckUnchanged(string image, byte[] content)
    {
        if (new GuestDiskModel(content).FindLoss(Content(image)) is { } loss)
            daemon.Fail($"{image} has changed: {loss}");
    }

    /// <summary>What qemu-img reads of an image.</summary>
    public static byte[] ContentOf(string folder, string image)
    {
        var raw = Path.Combine(folder, "content.raw.tmp");
        var format = image.EndsWith(".raw", StringComparison.Ordinal) ? "raw" : "qcow2";
        var (exitCode, printed) = Run(folder, $"qemu-img convert -f {format} -O raw {image} {raw} 2>&1");
        Assert.True(exitCode == 0, printed);
        var content = File.ReadAllBytes(raw);
        File.Delete(raw);
        return content;
    }

    /// <summary>Runs a command of the shell.</summary>
    public static (int ExitCode, string Output) Run(string folder, string command)
    {
        using var process = Process.Start(new ProcessStartInfo("sh", ["-c", command]) { WorkingDirectory = folder, RedirectStandardOutput = true })!;
        var printed = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return (process.ExitCode, printed);
    }

    public void Dispose()
    {
        daemon.Dispose();
        Directory.Delete(folder, recursive: true);
    }

    private byte[] Content(string image) => ContentOf(folder, image);

    private (int ExitCode, string Output) Shell(string command) => Run(folder, command);

    private void WriteSome(string node)
    {
        var length = 512 << random.Next(0, 8);
        var offset = random.Next(0, KilledJobTests.DiskLength / Block) * Block + random.Next(0, (Block - length) / 512 + 1) * 512;
        var pattern = (byte)random.Next(1, 256);
        model.Write(offset, length, pattern);
        Monitor(node, $"write -q -P {pattern} {offset} {length}");
        if (random.Next(4) > 0)
            return;
        Monitor(node, "flush");
        model.Flushed();
    }

    private void ClearSome(string node)
    {
        var offset = random.Next(0, KilledJobTests.DiskLength / Block) * Block;
        var length = Block * random.Next(1, 4);
        length = Math.Min(length, KilledJobTests.DiskLength - offset);
        model.Write(offset, length, 0);
        Monitor(node, $"{(random.Next(2) == 0 ? "discard" : random.Next(2) == 0 ? "write -z" : "write -z -u")} -q {offset} {length}");
    }

    private void Kill()
    {
        Process.GetProcessById(daemon.Id).Kill();
        daemon.WaitForExit();
    }

    private void Monitor(string node, string line)
    {
        var printed = Execute("human-monitor-command", JsonSerializer.Serialize(
            new Dictionary<string, string> { ["command-line"] = $"qemu-io {node} \"{line}\"" })).GetString();
        if (!string.IsNullOrEmpty(printed))
            daemon.Fail($"{line}: {printed}");
    }

    private JsonElement Execute(string command, string arguments)
    {
        var request = $$"""{"execute":"{{command}}","arguments":{{arguments}}}""";
        story.Add(request);
        daemon.Send(request);
        while (true)
        {
            var answer = daemon.Receive()!.Value;
            if (answer.TryGetProperty("return", out var result))
                return result;
            story.Add(answer.GetRawText());
            if (answer.TryGetProperty("error", out var error))
                daemon.Fail(error.GetProperty("desc").GetString()!);
            Note(answer);
        }
    }

    private void Note(JsonElement happened)
    {
        var data = happened.GetProperty("data");
        switch (happened.GetProperty("event").GetString())
        {
            case "BLOCK_JOB_READY":
                isReady = true;
                break;
            case "BLOCK_JOB_COMPLETED":
                if (data.TryGetProperty("error", out var error))
                    daemon.Fail($"the job failed: {error.GetString()}");
                hasEnded = true;
                break;
        }
    }
}
