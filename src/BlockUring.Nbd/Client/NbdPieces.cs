namespace BlockUring.Nbd.Client;

/// <summary>Which parts of a range have come, in whatever order; none of them twice.</summary>
internal sealed class NbdPieces
{
    // Why: a server that sends many parts with gaps between them would be a lot of work; nobody does that.
    private const int MaxCount = 1024;

    private readonly List<(long Start, long End)> pieces = [];

    public void Clear() => pieces.Clear();

    /// <summary>Whether the parts are the whole of a range from 0.</summary>
    public bool Covers(long length) => length == 0 || (pieces.Count == 1 && pieces[0] == (0, length));

    /// <summary>Adds a part.</summary>
    /// <returns>False where some of it has come already, or there are too many gaps.</returns>
    public bool TryAdd(long start, long length)
    {
        var end = start + length;
        var at = pieces.Count;
        while (at > 0 && pieces[at - 1].Start >= start)
            at--;
        var joinsLeft = at > 0 && pieces[at - 1].End == start;
        var joinsRight = at < pieces.Count && pieces[at].Start == end;
        if ((at > 0 && pieces[at - 1].End > start) || (at < pieces.Count && pieces[at].Start < end))
            return false;
        if (joinsLeft && joinsRight)
        {
            pieces[at - 1] = (pieces[at - 1].Start, pieces[at].End);
            pieces.RemoveAt(at);
        }
        else if (joinsLeft)
        {
            pieces[at - 1] = (pieces[at - 1].Start, end);
        }
        else if (joinsRight)
        {
            pieces[at] = (start, pieces[at].End);
        }
        else if (pieces.Count == MaxCount)
        {
            return false;
        }
        else
        {
            pieces.Insert(at, (start, end));
        }

        return true;
    }
}
