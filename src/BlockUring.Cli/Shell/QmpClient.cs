using System.Net.Sockets;
using System.Text.Json;
using BlockUring.Cli.Img;
using BlockUring.Native.Interop;

namespace BlockUring.Cli.Shell;

/// <summary>A client of a monitor that waits for each answer. Messages of the monitor are lines, or objects over several of them.</summary>
internal sealed class QmpClient : IDisposable
{
    private readonly Socket socket;
    private readonly Queue<JsonElement> events = new();
    private byte[] received = new byte[64 << 10];
    private int start;
    private int end;

    private QmpClient(Socket socket) => this.socket = socket;

    /// <summary>Connects to a unix socket and negotiates.</summary>
    /// <exception cref="CommandFailure">Nobody listens, or no monitor.</exception>
    public static QmpClient Connect(string path)
    {
        var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        var client = new QmpClient(socket);
        try
        {
            socket.Connect(new UnixDomainSocketEndPoint(path));
            if (!client.Receive().TryGetProperty("QMP", out _))
                throw new CommandFailure($"'{path}' is no QMP monitor");
            client.Execute("""{"execute":"qmp_capabilities"}""");
            return client;
        }
        catch (SocketException e)
        {
            client.Dispose();
            // Why: the run-time's word for a path where nothing is.
            var errno = e.SocketErrorCode == SocketError.AddressNotAvailable ? Errno.ENOENT : e.NativeErrorCode;
            throw new CommandFailure($"Failed to connect to '{path}': {Errno.Message(errno)}");
        }
        catch
        {
            client.Dispose();
            throw;
        }
    }

    /// <summary>Sends a request.</summary>
    /// <param name="request">A JSON object.</param>
    /// <returns>The answer: an object with "return" or "error".</returns>
    /// <exception cref="CommandFailure">The monitor has ended.</exception>
    public JsonElement Execute(string request)
    {
        Send(request);
        while (true)
        {
            var message = Receive();
            if (!message.TryGetProperty("event", out _))
                return message;
            events.Enqueue(message);
        }
    }

    /// <summary>The answer of a command without arguments.</summary>
    /// <exception cref="CommandFailure">It failed.</exception>
    public JsonElement Query(string command)
    {
        var answer = Execute($$"""{"execute":"{{command}}"}""");
        return answer.TryGetProperty("return", out var result) ? result : throw new CommandFailure(DescribeError(answer));
    }

    /// <summary>"CLASS: message" of an answer with an error.</summary>
    public static string DescribeError(JsonElement answer)
    {
        var error = answer.GetProperty("error");
        return $"{error.GetProperty("class").GetString()}: {error.GetProperty("desc").GetString()}";
    }

    /// <summary>Takes an event that has come.</summary>
    /// <param name="wait">How long to wait for one.</param>
    /// <exception cref="CommandFailure">The monitor has ended.</exception>
    public JsonElement? TakeEvent(TimeSpan wait)
    {
        if (events.Count == 0 && (TryTake(out var message) || (socket.Poll(wait, SelectMode.SelectRead) && Fill(out message))))
            return message;
        return events.TryDequeue(out message) ? message : null;
    }

    /// <summary>Ends the connection.</summary>
    public void Dispose() => socket.Dispose();

    private void Send(string text)
    {
        try
        {
            socket.Send(System.Text.Encoding.UTF8.GetBytes(text + "\n"));
        }
        catch (SocketException)
        {
            throw Ended();
        }
    }

    private JsonElement Receive()
    {
        JsonElement message;
        while (!TryTake(out message) && !Fill(out message))
            continue;
        return message;
    }

    // Returns whether a message is complete now.
    private bool Fill(out JsonElement message)
    {
        if (start > 0)
        {
            received.AsSpan(start, end - start).CopyTo(received);
            (start, end) = (0, end - start);
        }

        if (end == received.Length)
            Array.Resize(ref received, received.Length * 2);
        int count;
        try
        {
            count = socket.Receive(received.AsSpan(end));
        }
        catch (SocketException)
        {
            count = 0;
        }

        if (count == 0)
            throw Ended();
        end += count;
        return TryTake(out message);
    }

    private bool TryTake(out JsonElement message)
    {
        var reader = new Utf8JsonReader(received.AsSpan(start, end - start), isFinalBlock: false, default);
        message = default;
        if (!JsonDocument.TryParseValue(ref reader, out var document))
            return false;
        start += (int)reader.BytesConsumed;
        if (start < end && received[start] == '\r')
            start++;
        if (start < end && received[start] == '\n')
            start++;
        message = document.RootElement;
        return true;
    }

    private static CommandFailure Ended() => new("The monitor has closed the connection");
}
