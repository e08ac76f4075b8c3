using System.Diagnostics;
using System.Globalization;
using BlockUring.NativeTests.Images;

namespace BlockUring.NativeTests.Nbd.Client;

/// <summary>An NBD server of a peer on a unix socket; ended with the object.</summary>
internal sealed class PeerServer : IDisposable
{
    private readonly int processId;
    private bool isRunning = true;

    private PeerServer(string socket, int processId)
    {
        Socket = socket;
        this.processId = processId;
    }

    /// <summary>Its socket.</summary>
    public string Socket { get; }

    /// <summary>The name of its export without a name.</summary>
    public string Uri => UriOf("");

    /// <summary>Starts nbdkit, which serves when this ends; skips the test when the host does not have it.</summary>
    public static Task<PeerServer> NbdkitAsync(string folder, params string[] arguments) =>
        StartAsync(folder, "nbdkit", (socket, pid) => ["-U", socket, "-P", pid, .. arguments]);

    /// <summary>Starts qemu-nbd, which serves when this ends; skips the test when the host does not have it.</summary>
    public static Task<PeerServer> QemuNbdAsync(string folder, params string[] arguments) =>
        StartAsync(folder, "qemu-nbd", (socket, pid) => ["--fork", "--persistent", "--shared=0", "-k", socket, $"--pid-file={pid}", .. arguments]);

    /// <summary>The name of one of its exports.</summary>
    public string UriOf(string export) => $"nbd+unix:///{export}?socket={Socket}";

    /// <summary>Stops it where it is, or lets it go on.</summary>
    public Task SignalAsync(string signal) => Tool.RunAsync("kill", $"-{signal}", processId.ToString(CultureInfo.InvariantCulture));

    /// <summary>Kills it; its socket can be used by another one.</summary>
    public void Kill()
    {
        if (!isRunning)
            return;
        isRunning = false;
        try
        {
            using var process = Process.GetProcessById(processId);
            process.Kill();
            process.WaitForExit();
        }
        catch (ArgumentException)
        {
            // It has ended by itself.
        }

        File.Delete(Socket);
    }

    public void Dispose() => Kill();

    private static async Task<PeerServer> StartAsync(string folder, string tool, Func<string, string, string[]> arguments)
    {
        var socket = Path.Combine(folder, "nbd.sock");
        var pidFile = Path.Combine(folder, "nbd.pid");
        await Tool.RunAsync(tool, arguments(socket, pidFile));
        return new PeerServer(socket, int.Parse(await File.ReadAllTextAsync(pidFile), CultureInfo.InvariantCulture));
    }
}
