using BlockUring.Nbd.Wire;

namespace BlockUring.Nbd.Client;

/// <summary>One reply to an option.</summary>
/// <param name="Type">What it says.</param>
/// <param name="Data">What follows.</param>
internal readonly record struct NbdOptionAnswer(NbdOptionReply Type, byte[] Data)
{
    /// <summary>Whether the server does not do that.</summary>
    public bool IsRefused => ((uint)Type & 0x8000_0000) != 0;
}
