namespace BlockUring.Nbd.Wire;

/// <summary>Numbers that begin messages (NBD protocol, "Values"). All integers on the wire are big-endian.</summary>
public static class NbdMagic
{
    /// <summary>"NBDMAGIC": the first bytes that a server sends.</summary>
    public const ulong Greeting = 0x4e42444d41474943;

    /// <summary>"IHAVEOPT": the second eight bytes of a newstyle server; begins every option of a client.</summary>
    public const ulong Option = 0x49484156454F5054;

    /// <summary>The second eight bytes of an oldstyle server.</summary>
    public const ulong Oldstyle = 0x00420281861253;

    /// <summary>Begins the reply to an option.</summary>
    public const ulong OptionReply = 0x3e889045565a9;

    /// <summary>Begins a request with a compact header.</summary>
    public const uint Request = 0x25609513;

    /// <summary>Begins a request with an extended header.</summary>
    public const uint ExtendedRequest = 0x21e41c71;

    /// <summary>Begins a simple reply.</summary>
    public const uint SimpleReply = 0x67446698;

    /// <summary>Begins a chunk of a structured reply.</summary>
    public const uint StructuredReply = 0x668e33ef;

    /// <summary>Begins a chunk of a reply with extended headers.</summary>
    public const uint ExtendedReply = 0x6e8a278c;
}
