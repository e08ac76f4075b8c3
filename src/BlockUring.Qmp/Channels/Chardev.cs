using BlockUring.Native.Channels;

namespace BlockUring.Qmp.Channels;

/// <summary>A character device: where the clients of one monitor come from, one at a time.</summary>
public abstract class Chardev
{
    /// <summary>Names a device.</summary>
    /// <param name="label">Its id.</param>
    protected Chardev(string label) => Label = label;

    /// <summary>Its id.</summary>
    public string Label { get; }

    /// <summary>What it is and where, in QEMU's words: "unix:/run/x.sock,server=on".</summary>
    public abstract string Filename { get; }

    /// <summary>Whether a monitor uses it.</summary>
    public bool HasFrontend { get; internal set; }

    /// <summary>What it keeps of what was sent; null unless it is a device for that.</summary>
    internal virtual RingBytes? Ring => null;

    /// <summary>Whether it is standard input and output, which only one device can be.</summary>
    internal virtual bool IsStandardStream => false;

    /// <summary>Where clients find it in the file system, in full; null for another kind of address.</summary>
    internal virtual string? SocketPath => null;

    /// <summary>Waits for the next client; the previous one's channel has been disposed of.</summary>
    /// <returns>Its channel, which the caller disposes of; null when there will be no further one.</returns>
    public abstract ValueTask<ByteChannel?> NextClientAsync();

    /// <summary>Takes no further clients; a wait for one ends.</summary>
    public abstract ValueTask StopAsync();
}
