namespace BlockUring.Native.Uring;

/// <summary>What an operation does.</summary>
public enum IoKind
{
    /// <summary>Read all of a buffer; beyond the end of the file there are zeroes.</summary>
    Read,

    /// <summary>Write all of a buffer.</summary>
    Write,

    /// <summary>Make data durable.</summary>
    Flush,

    /// <summary>fallocate in some mode.</summary>
    Allocate,

    /// <summary>Receive from a socket, once.</summary>
    Receive,

    /// <summary>Send to a socket, once.</summary>
    Send,

    /// <summary>Read from a pipe, terminal or other stream, once.</summary>
    ReadStream,

    /// <summary>Write to a pipe, terminal or other stream, once.</summary>
    WriteStream,

    /// <summary>Accept a connection.</summary>
    Accept,

    /// <summary>Connect a socket.</summary>
    Connect,

    /// <summary>Wait for readiness.</summary>
    Poll,

    /// <summary>Cancel other operations.</summary>
    Cancel,

    /// <summary>Do nothing: a round trip through the ring.</summary>
    Nop,
}
