using BlockUring.Native.Channels;

namespace BlockUring.Nbd.Client;

/// <summary>Makes connections to one server.</summary>
public abstract class NbdDialer
{
    /// <summary>Makes one.</summary>
    /// <exception cref="Storage.BlockException">Why not, in QEMU's words.</exception>
    public abstract ValueTask<ByteChannel> DialAsync();

    /// <summary>Gives up the attempts that are under way: they end soon.</summary>
    public virtual void GiveUp()
    {
    }
}
