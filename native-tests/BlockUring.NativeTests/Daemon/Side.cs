namespace BlockUring.NativeTests.Daemon;

/// <summary>Who plays a scenario.</summary>
public enum Side
{
    /// <summary>QEMU's storage daemon.</summary>
    Peer,

    /// <summary>Our own.</summary>
    Ours,
}
