using System.Diagnostics;
using System.Net.Sockets;
using System.Text;
using System.Text.Json;
using Xunit;

namespace BlockUring.NativeTests.Daemon;

/// <summary>A storage daemon as a process of its own, and a plain client of its monitor.</summary>
internal sealed class QmpPeer : IDisposable
{
    private const int PatienceMs = 30_000;

    private readonly Process process;
    private readonly Task<string> output;
    private readonly Task<string> error;
    private readonly Func<string> story;
    private readonly StringBuilder received = new();
    private readonly Decoder decoder = Encoding.UTF8.GetDecoder();
    private Socket? socket;

    /// <summary>Starts the daemon.</summary>
    /// <param name="command">The program and its first arguments.</param>
    /// <param name="folder">The daemon's working directory.</param>
    /// <param name="options">Further arguments.</param>
    /// <param name="story">What has happened so far: the message of a failure.</param>
    public QmpPeer(string[] command, string folder, IEnumerable<string> options, Func<string> story)
    {
        this.story = story;
        var start = new ProcessStartInfo(command[0], [.. command[1..], .. options])
        {
            WorkingDirectory = folder,
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        process = Process.Start(start)!;
        output = process.StandardOutput.ReadToEndAsync();
        error = process.StandardError.ReadToEndAsync();
    }

    /// <summary>The process.</summary>
    public int Id => process.Id;

    /// <summary>Waits until the daemon has written a file.</summary>
    public void WaitForFile(string path)
    {
        var watch = Stopwatch.StartNew();
        while (!File.Exists(path) || new FileInfo(path).Length == 0)
        {
            if (process.HasExited)
                Fail($"the daemon ended with code {process.ExitCode}: {error.Result}");
            if (watch.ElapsedMilliseconds > PatienceMs)
                Fail($"there is no {path}");
            process.WaitForExit(5);
        }
    }

    /// <summary>Connects to the monitor's socket.</summary>
    public void Connect(string path)
    {
        socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified) { ReceiveTimeout = PatienceMs };
        socket.Connect(new UnixDomainSocketEndPoint(path));
    }

    /// <summary>Ends the connection; the daemon goes on.</summary>
    public void Disconnect()
    {
        socket?.Dispose();
        socket = null;
        received.Clear();
    }

    /// <summary>Sends text as it is.</summary>
    public void Send(string text) => Send(Encoding.UTF8.GetBytes(text));

    /// <summary>Sends bytes as they are.</summary>
    public void Send(byte[] bytes)
    {
        try
        {
            socket!.Send(bytes);
        }
        catch (SocketException e)
        {
            Fail($"cannot send: {e.Message}");
        }
    }

    /// <summary>The next object that the monitor sends; null when it has closed the connection.</summary>
    public JsonElement? Receive()
    {
        var bytes = new byte[65536];
        var chars = new char[65536];
        while (true)
        {
            if (TakeObject() is { } found)
                return found;
            int count;
            try
            {
                count = socket!.Receive(bytes);
            }
            catch (SocketException e)
            {
                if (e.SocketErrorCode == SocketError.ConnectionReset)
                    return null;
                Fail($"nothing came: {e.Message}; so far: {received}");
                throw;
            }

            if (count == 0)
                return null;
            received.Append(chars.AsSpan(0, decoder.GetChars(bytes, 0, count, chars, 0)));
        }
    }

    /// <summary>Waits until the process has ended.</summary>
    /// <returns>Its exit code, and what it wrote.</returns>
    public (int ExitCode, string Output, string Error) WaitForExit()
    {
        if (!process.WaitForExit(PatienceMs))
            Fail("the daemon did not end");
        // A daemon in the background keeps the pipes of the one that started it.
        var drained = Task.WaitAll([output, error], 2_000);
        return (process.ExitCode, drained ? output.Result : "", drained ? error.Result : "");
    }

    /// <summary>Fails the test, with the whole story.</summary>
    public void Fail(string reason) => Assert.Fail($"{reason}\n{story()}");

    public void Dispose()
    {
        socket?.Dispose();
        if (!process.HasExited)
            process.Kill();
        process.WaitForExit();
        process.Dispose();
    }

    // One object lies on one line, or on several with pretty=on.
    private JsonElement? TakeObject()
    {
        var text = received.ToString();
        for (var end = text.IndexOf('\n', StringComparison.Ordinal); end >= 0; end = text.IndexOf('\n', end + 1))
        {
            try
            {
                var found = JsonDocument.Parse(text[..end]).RootElement;
                received.Remove(0, end + 1);
                return found;
            }
            catch (JsonException)
            {
                continue;
            }
        }

        return null;
    }
}
