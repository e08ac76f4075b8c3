using BlockUring.Storage;

namespace BlockUring.Images.Qcow2;

/// <summary>Clusters reserved for a write, with the slice of the L2 table that will point to them. Pooled by the writer.</summary>
internal sealed class Qcow2Reservation : WriteReservation
{
    private readonly Qcow2Writer writer;
    private bool isOpen;

    public Qcow2Reservation(Qcow2Writer writer) => this.writer = writer;

    /// <summary>The slice of the L2 table, pinned while the reservation is open.</summary>
    public CachedTable Slice { get; private set; } = null!;

    /// <summary>Index in the slice of the first cluster.</summary>
    public int Index { get; private set; }

    /// <summary>Clusters written to, wholly or in part.</summary>
    public int Count { get; private set; }

    /// <summary>Host offset of the first cluster.</summary>
    public long ClusterOffset { get; private set; }

    /// <summary>Whether the clusters are new, and to be given back when the write fails.</summary>
    public bool IsNew { get; private set; }

    /// <summary>Whether the whole new clusters count as written, rather than the subclusters touched alone.</summary>
    public bool CoversClusters { get; private set; }

    public void Open(CachedTable slice, int index, int count, long clusterOffset, bool isNew, bool coversClusters)
    {
        Slice = slice;
        Index = index;
        Count = count;
        ClusterOffset = clusterOffset;
        IsNew = isNew;
        CoversClusters = coversClusters;
        isOpen = true;
    }

    public void SetRange(BlockFile file, long guestOffset, long length, long hostOffset, long headLength, long tailLength)
    {
        File = file;
        GuestOffset = guestOffset;
        Length = length;
        HostOffset = hostOffset;
        HeadLength = headLength;
        TailLength = tailLength;
    }

    public override ValueTask PublishAsync()
    {
        Close();
        writer.Publish(this);
        return ValueTask.CompletedTask;
    }

    public override void Abandon()
    {
        Close();
        writer.Abandon(this);
    }

    private void Close()
    {
        if (!isOpen)
            throw new InvalidOperationException("A reservation was published or abandoned twice.");
        isOpen = false;
    }
}
