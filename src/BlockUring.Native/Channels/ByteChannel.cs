using BlockUring.Native.Memory;

namespace BlockUring.Native.Channels;

/// <summary>A connection to a peer, as bytes. One receive and one send may be in flight at a time, each started on the thread that owns the channel.</summary>
public abstract class ByteChannel : IDisposable
{
    /// <summary>Receives once.</summary>
    /// <returns>Bytes, 1 or more; 0 or a negative error number when the connection has ended.</returns>
    public abstract ValueTask<int> ReceiveAsync(IoMemory destination);

    /// <summary>Sends once, some or all of <paramref name="source"/>.</summary>
    /// <returns>Bytes, 1 or more; 0 or a negative error number when the connection has ended.</returns>
    public abstract ValueTask<int> SendAsync(IoMemory source);

    /// <summary>Ends the connection: what is in flight ends soon. May be called again.</summary>
    public abstract ValueTask ShutdownAsync();

    /// <summary>Closes the connection, once nothing is in flight.</summary>
    public void Dispose()
    {
        Dispose(true);
        GC.SuppressFinalize(this);
    }

    /// <summary>Closes the connection.</summary>
    protected abstract void Dispose(bool isDisposing);
}
