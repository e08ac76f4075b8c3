using BlockUring.Nbd.Wire;

namespace BlockUring.Nbd.Server;

/// <summary>A request from its arrival to its reply. Long ones go in pieces, which end in any order.</summary>
internal sealed class ServerRequest
{
    /// <summary>As it came.</summary>
    public NbdRequest Header { get; private set; }

    /// <summary>Pieces that have not ended.</summary>
    public int PiecesLeft { get; set; }

    /// <summary>The first failure; the reply tells of it.</summary>
    public NbdError Error { get; private set; }

    /// <summary>In words.</summary>
    public string Message { get; private set; } = "";

    /// <summary>What block status found, for each context; null for other requests.</summary>
    public List<NbdExtent>[]? Extents { get; set; }

    /// <summary>Takes another request.</summary>
    /// <param name="header">As it came.</param>
    /// <param name="pieceCount">In how many pieces it goes.</param>
    public void Begin(in NbdRequest header, int pieceCount)
    {
        Header = header;
        PiecesLeft = pieceCount;
        Extents = null;
        Error = NbdError.None;
        Message = "";
    }

    /// <summary>Enters a failure; only the first one counts.</summary>
    public void Fail(NbdError error, string message)
    {
        if (Error == NbdError.None)
            (Error, Message) = (error, message);
    }
}
