using BlockUring.Native.Memory;

namespace BlockUring.Nbd.Server;

/// <summary>Some bytes of replies that are sent with one call: many small ones, or one payload.</summary>
internal sealed class ReplySegment
{
    /// <summary>Holds the bytes; owned.</summary>
    public IoBuffer? Buffer { get; set; }

    /// <summary>The first byte that counts.</summary>
    public int Start { get; set; }

    /// <summary>One past the last.</summary>
    public int End { get; set; }

    /// <summary>Whether more replies fit in.</summary>
    public bool IsGathering { get; set; }

    /// <summary>How many pieces of requests are done with once this is sent.</summary>
    public int PieceCount { get; set; }

    /// <summary>Their bytes in the books.</summary>
    public long PieceBytes { get; set; }

    /// <summary>What is to be sent.</summary>
    public IoMemory Memory => Buffer!.Memory.Slice(Start, End - Start);
}
