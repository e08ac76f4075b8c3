using BlockUring.Bitmaps;
using BlockUring.Images;

namespace BlockUring.Graph;

/// <summary>What is told of writes to a node: dirty bitmaps, and the threshold that warns of a disk that fills up.</summary>
public sealed class WriteObservers
{
    private readonly BlockNode node;
    private Action<long, long>? written;
    private long threshold;

    internal WriteObservers(BlockNode node) => this.node = node;

    /// <summary>The dirty bitmaps of the node.</summary>
    public DirtyBitmapList Bitmaps { get; } = new();

    /// <summary>Whether nobody wants to know.</summary>
    public bool IsIdle => written == null && threshold == 0 && Bitmaps.Count == 0;

    /// <summary>
    /// Told (offset, length) of every range whose content may have changed, after the write ended, failed ones too. Not of writes that change
    /// nothing (<see cref="WriteFlags.Unchanged"/>).
    /// </summary>
    public event Action<long, long> Written
    {
        add => written += value;
        remove => written -= value;
    }

    /// <summary>Told (node, bytes beyond, threshold) once, when a write passes <see cref="Threshold"/>, which is 0 then.</summary>
    public Action<BlockNode, long, long>? ThresholdExceeded { get; set; }

    /// <summary>The offset beyond which a write is reported, in bytes; 0 for none.</summary>
    public long Threshold
    {
        get => threshold;
        set => threshold = value;
    }

    /// <summary>The end of the write that went furthest so far, in bytes.</summary>
    public long HighestWritten { get; private set; }

    internal void NoteEnd(long end)
    {
        if (end > HighestWritten)
            HighestWritten = end;
    }

    internal void BeforeWrite(long offset, long length)
    {
        var passed = threshold;
        if (passed == 0 || offset + length <= passed)
            return;
        threshold = 0;
        ThresholdExceeded?.Invoke(node, offset + length - passed, passed);
    }

    internal void AfterWrite(long offset, long length, WriteFlags flags)
    {
        if ((flags & WriteFlags.Unchanged) != 0)
            return;
        if (Bitmaps.Count > 0)
            MarkWritten(offset, length);
        written?.Invoke(offset, length);
    }

    // Why: a file below a format grows by being written.
    private void MarkWritten(long offset, long length)
    {
        if (node.Length > Bitmaps[0].Length)
            Bitmaps.Truncate(node.Length);
        length = Math.Min(length, Bitmaps[0].Length - offset);
        if (length > 0)
            Bitmaps.MarkWritten(offset, length);
    }
}
