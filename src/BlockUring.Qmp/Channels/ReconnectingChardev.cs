using System.Net.Sockets;
using BlockUring.Native.Channels;
using BlockUring.Native.Uring;
using BlockUring.Storage;

namespace BlockUring.Qmp.Channels;

/// <summary>A socket that connects to a server, and does so again some time after the connection was lost or could not be made.</summary>
/// <remarks>It connects while somebody uses it: a device that no monitor has is not connected.</remarks>
/// <param name="thread">Serves it.</param>
/// <param name="options">What it was made from.</param>
/// <param name="connect">Connects once.</param>
/// <param name="address">In QEMU's words: "unix:/run/x.sock".</param>
/// <param name="report">Receives the first failure of a row of them.</param>
internal sealed class ReconnectingChardev(
    IoThread thread, ChardevOptions options, Func<ValueTask<Socket>> connect, string address, Action<string> report) : Chardev(options.Id)
{
    // How soon a stop is noticed.
    private static readonly TimeSpan WaitStep = TimeSpan.FromMilliseconds(50);

    private readonly TimeSpan pause = TimeSpan.FromSeconds(options.ReconnectSeconds);
    private bool isConnected;
    private bool hasReported;
    private bool isStopping;

    /// <inheritdoc/>
    public override string Filename => isConnected ? address : $"disconnected:{address}";

    /// <inheritdoc/>
    public override async ValueTask<ByteChannel?> NextClientAsync()
    {
        if (isConnected)
        {
            isConnected = false;
            await PauseAsync();
        }

        while (!isStopping)
        {
            if (await TryConnectAsync() is { } socket)
            {
                isConnected = true;
                return new SocketChannel(thread, socket, address);
            }

            await PauseAsync();
        }

        return null;
    }

    /// <inheritdoc/>
    public override ValueTask StopAsync()
    {
        isStopping = true;
        return default;
    }

    private async ValueTask<Socket?> TryConnectAsync()
    {
        try
        {
            var socket = await connect();
            hasReported = false;
            if (!isStopping)
                return socket;
            socket.Dispose();
        }
        catch (BlockException e)
        {
            if (!hasReported)
                report($"Unable to connect character device {Label}: {e.Message}");
            hasReported = true;
        }

        return null;
    }

    private async ValueTask PauseAsync()
    {
        var start = thread.Time.GetTimestamp();
        while (!isStopping && thread.Time.GetElapsedTime(start) < pause)
            await thread.DelayAsync(WaitStep);
    }
}
