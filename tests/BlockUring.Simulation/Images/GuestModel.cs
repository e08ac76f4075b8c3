namespace BlockUring.Simulation.Images;

/// <summary>
/// What a guest disk must read as: the bytes of all writes in their order, and, after a failure or a power cut, for each byte the value that
/// was flushed last or that of a write since.
/// </summary>
internal sealed class GuestModel
{
    private readonly List<Write> open = [];
    private readonly List<Write> all = [];
    private readonly byte[] flushed;

    public GuestModel(byte[] content)
    {
        Current = content;
        flushed = [.. content];
    }

    /// <summary>The bytes when everything has succeeded.</summary>
    public byte[] Current { get; }

    /// <summary>Notes a write that starts now. Those to overlapping clusters take effect in the order of these calls.</summary>
    public Write Begin(long offset, byte[] bytes)
    {
        bytes.CopyTo(Current, offset);
        var write = new Write(offset, bytes);
        open.Add(write);
        all.Add(write);
        return write;
    }

    /// <summary>The writes that a flush starting now makes durable.</summary>
    public List<Write> Completed() => open.FindAll(w => w.IsDone);

    /// <summary>That flush has ended.</summary>
    public void Flushed(List<Write> writes)
    {
        // Why: of two writes to one cluster, the later one may be seen to end first, within the end of the earlier one.
        foreach (var write in writes)
        {
            if (!open.Remove(write))
                continue;
            for (var i = all.IndexOf(write); i < all.Count; i++)
            {
                if (!open.Contains(all[i]))
                    all[i].Bytes.CopyTo(flushed, all[i].Offset);
            }
        }
    }

    /// <summary>The first byte that has a value it cannot have; null when there is none.</summary>
    public string? FirstImpossible(byte[] actual)
    {
        if (actual.AsSpan().SequenceEqual(Current) && open.TrueForAll(w => w.IsDone))
            return null;
        for (var i = 0; i < actual.Length; i++)
        {
            if (actual[i] != flushed[i] && !open.Exists(w => i >= w.Offset && i < w.Offset + w.Bytes.Length && w.Bytes[i - w.Offset] == actual[i]))
                return $"byte {i} is {actual[i]}, was flushed as {flushed[i]}\n{Describe(i)}";
        }

        return null;
    }

    private string Describe(int i) => string.Join('\n', all.Where(w => i >= w.Offset && i < w.Offset + w.Bytes.Length).Select(
        w => $"  [{w.Offset}, {w.Offset + w.Bytes.Length}) {w.Bytes[i - w.Offset]}{(w.IsDone ? " done" : "")}{(open.Contains(w) ? "" : " flushed")}"));

    internal sealed record Write(long Offset, byte[] Bytes)
    {
        public bool IsDone { get; set; }
    }
}
