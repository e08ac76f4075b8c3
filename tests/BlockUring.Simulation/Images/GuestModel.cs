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
    private readonly byte[] backing;
    private readonly List<long> possibleLengths = [];

    /// <summary>Makes a model of a disk.</summary>
    /// <param name="content">What it holds, durably.</param>
    /// <param name="capacity">The longest it will be.</param>
    /// <param name="backing">What shows through where it holds nothing.</param>
    public GuestModel(byte[] content, long capacity, byte[] backing)
    {
        Length = content.Length;
        Current = new byte[capacity];
        content.CopyTo(Current, 0);
        flushed = [.. Current];
        this.backing = backing;
    }

    /// <summary>Bytes of the disk; while it is being resized, of what both sizes have.</summary>
    public long Length { get; private set; }

    /// <summary>The bytes when everything has succeeded, up to <see cref="Length"/>, then zeroes.</summary>
    public byte[] Current { get; }

    public ReadOnlySpan<byte> Content => Current.AsSpan(0, (int)Length);

    /// <summary>Notes a resizing that starts now; writes behind the end have ended.</summary>
    public Resize BeginResize(long length)
    {
        var resize = new Resize(Length, length, []);
        if (length < Length)
        {
            // Why: while it goes on, clusters are taken away, and what is below shows.
            var bytes = new byte[Length - length];
            if (backing.Length > length)
                backing.AsSpan((int)length, (int)Math.Min(bytes.Length, backing.Length - length)).CopyTo(bytes);
            resize.Writes.Add(Begin(length, bytes));
            resize.Writes.Add(Begin(length, new byte[bytes.Length]));
        }

        possibleLengths.Add(length);
        possibleLengths.Add(Length);
        Length = Math.Min(length, Length);
        return resize;
    }

    /// <summary>Notes that the whole disk becomes another one, durably; nothing else goes on.</summary>
    public Resize BeginReplace(byte[] content)
    {
        var bytes = new byte[Math.Max(Length, content.Length)];
        content.CopyTo(bytes, 0);
        possibleLengths.Add(content.Length);
        possibleLengths.Add(Length);
        return new Resize(Length, content.Length, [Begin(0, bytes)]);
    }

    /// <summary>The resizing has ended; one that succeeded is durable.</summary>
    public void EndResize(Resize resize, bool hasSucceeded)
    {
        Length = hasSucceeded ? resize.NewLength : resize.OldLength;
        if (!hasSucceeded)
            return;
        possibleLengths.Clear();
        foreach (var write in resize.Writes)
            write.IsDone = true;
        Flushed(resize.Writes);
    }

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
        if (actual.Length != Length && !possibleLengths.Contains(actual.Length))
            return $"the disk has {actual.Length} bytes, not {Length}";
        if (actual.AsSpan().SequenceEqual(Current.AsSpan(0, actual.Length)) && open.TrueForAll(w => w.IsDone))
            return null;
        for (var i = 0; i < actual.Length;)
        {
            var next = i + PossibleLength(i, actual.AsSpan(i));
            if (next == i)
                return $"byte {i} is {actual[i]}, was flushed as {flushed[i]}\n{Describe(i)}";
            i = next;
        }

        return null;
    }

    // How many bytes from there on are as they were flushed, or as one and the same write makes them.
    private int PossibleLength(int at, ReadOnlySpan<byte> actual)
    {
        var length = actual.CommonPrefixLength(flushed.AsSpan(at));
        foreach (var write in open)
        {
            if (at >= write.Offset && at < write.Offset + write.Bytes.Length)
                length = Math.Max(length, actual.CommonPrefixLength(write.Bytes.AsSpan((int)(at - write.Offset))));
        }

        return length;
    }

    private string Describe(int i) => string.Join('\n', all.Where(w => i >= w.Offset && i < w.Offset + w.Bytes.Length).Select(
        w => $"  [{w.Offset}, {w.Offset + w.Bytes.Length}) {w.Bytes[i - w.Offset]}{(w.IsDone ? " done" : "")}{(open.Contains(w) ? "" : " flushed")}"));

    internal sealed record Resize(long OldLength, long NewLength, List<Write> Writes);

    internal sealed record Write(long Offset, byte[] Bytes)
    {
        public bool IsDone { get; set; }
    }
}
