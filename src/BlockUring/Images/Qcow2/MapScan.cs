using BlockUring.Storage;

namespace BlockUring.Images.Qcow2;

/// <summary>The run that a mapping request has found so far, while it goes from table to table.</summary>
internal struct MapScan
{
    private const int NotStarted = -1;

    private readonly long start;
    private int kind;

    public MapScan(long start, long maxLength)
    {
        this.start = start;
        Position = start;
        End = start + maxLength;
        kind = NotStarted;
        HostOffset = -1;
    }

    /// <summary>Where the run may go on.</summary>
    public long Position { get; private set; }

    /// <summary>Where the request ends.</summary>
    public long End { get; }

    /// <summary>Host offset of the run's first byte, the L2 entry of a compressed cluster, or -1.</summary>
    public long HostOffset { get; private set; }

    public readonly bool IsStarted => kind != NotStarted;

    public readonly ClusterKind Kind => (ClusterKind)kind;

    /// <summary>Whether the run's bytes are at consecutive host offsets.</summary>
    public readonly bool HasHost => Kind is ClusterKind.Data or ClusterKind.ZeroReserved or ClusterKind.UnallocatedReserved;

    public readonly long ExpectedHost => HostOffset + (Position - start);

    /// <summary>Begins the run.</summary>
    public void Begin(ClusterKind first, long hostOffset)
    {
        kind = (int)first;
        HostOffset = hostOffset;
    }

    /// <summary>Whether what is at <see cref="Position"/> belongs to the run.</summary>
    public readonly bool Continues(ClusterKind next, long hostOffset) =>
        next == Kind && next != ClusterKind.Compressed && (!HasHost || hostOffset == ExpectedHost);

    /// <summary>Takes bytes up to <paramref name="position"/> into the run.</summary>
    /// <returns>Whether the request goes further.</returns>
    public bool Advance(long position)
    {
        Position = Math.Min(position, End);
        return Position < End;
    }

    /// <summary>The answer.</summary>
    public readonly Mapping ToMapping(BlockFile dataFile, BlockFile metadataFile, bool mayBeSparse)
    {
        var length = Position - start;
        return Kind switch
        {
            ClusterKind.Data => new(MappingKind.Data, length, dataFile, HostOffset, mayBeSparse),
            ClusterKind.ZeroReserved => new(MappingKind.Zero, length, dataFile, HostOffset),
            ClusterKind.Zero => new(MappingKind.Zero, length),
            ClusterKind.Compressed => new(MappingKind.Compressed, length, metadataFile, HostOffset),
            ClusterKind.UnallocatedReserved => new(MappingKind.Unallocated, length, dataFile, HostOffset),
            _ => new(MappingKind.Unallocated, length),
        };
    }
}
