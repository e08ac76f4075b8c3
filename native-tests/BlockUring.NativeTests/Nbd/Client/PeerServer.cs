using System.ComponentModel;
using System.Diagnostics;
using System.Globalization;
using System.Net.Sockets;
using BlockUring.NativeTests.Images;
using Xunit;

namespace BlockUring.NativeTests.Nbd.Client;

/// <summary>An NBD server of a peer on a unix socket; ended with the object.</summary>
internal sealed class PeerServer : IDisposable
{
    private const int PatienceMs = 30_000;

    private readonly Process process;

    private PeerServer(string socket, Process process)
    {
        Socket = socket;
        this.process = process;
    }

    /// <summary>Its socket.</summary>
    public string Socket { get; }

    /// <summary>The name of its export without a name.</summary>
    public string Uri => UriOf("");

    /// <summary>Starts nbdkit, which serves when this ends; skips the test when the host does not have it.</summary>
    public static Task<PeerServer> NbdkitAsync(string folder, params string[] arguments) =>
        StartAsync(folder, "nbdkit", socket => ["-f", "-U", socket, .. arguments]);

    /// <summary>Starts qemu-nbd, which serves when this ends; skips the test when the host does not have it.</summary>
    public static Task<PeerServer> QemuNbdAsync(string folder, params string[] arguments) =>
        StartAsync(folder, "qemu-nbd", socket => ["--persistent", "--shared=0", "-k", socket, .. arguments]);

    /// <summary>The name of one of its exports.</summary>
    public string UriOf(string export) => $"nbd+unix:///{export}?socket={Socket}";

    /// <summary>Stops it where it is, or lets it go on.</summary>
    public Task SignalAsync(string signal) => Tool.RunAsync("kill", $"-{signal}", process.Id.ToString(CultureInfo.InvariantCulture));

    /// <summary>Kills it; its socket can be used by another one.</summary>
    public void Kill()
    {
        if (!process.HasExited)
            process.Kill();
        process.WaitForExit();
        File.Delete(Socket);
    }

    public void Dispose()
    {
        Kill();
        process.Dispose();
    }

    private static async Task<PeerServer> StartAsync(string folder, string tool, Func<string, string[]> arguments)
    {
        var socket = Path.Combine(folder, "nbd.sock");
        var start = new ProcessStartInfo(tool, arguments(socket)) { RedirectStandardError = true };
        Process? process = null;
        try
        {
            process = Process.Start(start);
        }
        catch (Win32Exception)
        {
            Assert.Skip($"This host has no {tool}.");
        }

        var messages = process!.StandardError.ReadToEndAsync();
        var watch = Stopwatch.StartNew();
        while (!await AnswersAsync(socket))
        {
            Assert.True(watch.ElapsedMilliseconds < PatienceMs, $"{tool} does not answer");
            if (process.WaitForExit(5))
                Assert.Fail($"{tool} ended: {await messages}");
        }

        return new PeerServer(socket, process);
    }

    private static async Task<bool> AnswersAsync(string path)
    {
        using var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            await socket.ConnectAsync(new UnixDomainSocketEndPoint(path));
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }
}
