using System.Diagnostics;
using System.Net.Sockets;
using System.Text;

namespace BlockUring.NativeTests.Qmp;

/// <summary>A client as plain as can be: writes bytes, reads lines, waits at most a minute.</summary>
internal sealed class QmpClient : IDisposable
{
    private readonly Socket socket;
    private readonly byte[] buffer = new byte[64 << 10];
    private readonly List<byte> pending = [];

    public QmpClient(string path, bool negotiates = false)
    {
        socket = Connect(path);
        Greeting = ReadLine()!;
        if (!negotiates)
            return;
        Write("""{"execute":"qmp_capabilities"}""");
        ReadLine();
    }

    public string Greeting { get; }

    public void Write(string text) => Write(Encoding.Latin1.GetBytes(text));

    public void Write(ReadOnlySpan<byte> bytes)
    {
        while (!bytes.IsEmpty)
            bytes = bytes[socket.Send(bytes)..];
    }

    /// <summary>A line without its end; null when the server has closed the connection.</summary>
    public string? ReadLine()
    {
        while (true)
        {
            var end = pending.IndexOf((byte)'\n');
            if (end >= 0)
            {
                var line = Encoding.Latin1.GetString([.. pending[..end]]);
                pending.RemoveRange(0, end + 1);
                return line.TrimEnd('\r');
            }

            var count = socket.Receive(buffer);
            if (count == 0)
                return null;
            pending.AddRange(buffer.AsSpan(0, count));
        }
    }

    /// <summary>Asks, and passes over events.</summary>
    public string Ask(string command)
    {
        Write(command);
        while (true)
        {
            var line = ReadLine() ?? throw new IOException("the server has closed the connection");
            if (!line.StartsWith("{\"timestamp\"", StringComparison.Ordinal))
                return line;
        }
    }

    /// <summary>Sends a script and a last request, and reads until the answer to that. A byte FF in between gets broken input back in step.</summary>
    public List<string> Run(ReadOnlySpan<byte> script)
    {
        Write(script);
        Write("\u00ff{\"execute\":\"query-version\",\"id\":\"the end\"}");
        List<string> lines = [];
        while (true)
        {
            var line = ReadLine();
            if (line == null)
                return [.. lines, "(closed)"];
            if (line.Contains("\"id\": \"the end\"", StringComparison.Ordinal))
                return lines;
            lines.Add(line);
        }
    }

    public void Dispose() => socket.Dispose();

    // A server that is just starting has bound its socket and does not listen yet.
    private static Socket Connect(string path)
    {
        for (var start = Stopwatch.StartNew(); ;)
        {
            var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified) { ReceiveTimeout = 60_000, SendTimeout = 60_000 };
            try
            {
                socket.Connect(new UnixDomainSocketEndPoint(path));
                return socket;
            }
            catch (SocketException e) when (e.SocketErrorCode == SocketError.ConnectionRefused && start.Elapsed < TimeSpan.FromSeconds(60))
            {
                socket.Dispose();
                Thread.Sleep(5);
            }
        }
    }
}
