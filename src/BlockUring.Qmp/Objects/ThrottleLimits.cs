namespace BlockUring.Qmp.Objects;

/// <summary>Limits of a throttle group, in operations and bytes a second; null or 0 is none. As the definition has them.</summary>
internal sealed record ThrottleLimits
{
    private const long MaxRate = 1_000_000_000_000_000;

    public long? IopsTotal { get; init; }

    public long? IopsTotalMax { get; init; }

    public long? IopsTotalMaxLength { get; init; }

    public long? IopsRead { get; init; }

    public long? IopsReadMax { get; init; }

    public long? IopsReadMaxLength { get; init; }

    public long? IopsWrite { get; init; }

    public long? IopsWriteMax { get; init; }

    public long? IopsWriteMaxLength { get; init; }

    public long? BpsTotal { get; init; }

    public long? BpsTotalMax { get; init; }

    public long? BpsTotalMaxLength { get; init; }

    public long? BpsRead { get; init; }

    public long? BpsReadMax { get; init; }

    public long? BpsReadMaxLength { get; init; }

    public long? BpsWrite { get; init; }

    public long? BpsWriteMax { get; init; }

    public long? BpsWriteMaxLength { get; init; }

    public long? IopsSize { get; init; }

    /// <summary>Every value filled in: rates with 0, lengths of bursts with a second.</summary>
    public ThrottleLimits Completed() => new()
    {
        IopsTotal = IopsTotal ?? 0,
        IopsTotalMax = IopsTotalMax ?? 0,
        IopsTotalMaxLength = IopsTotalMaxLength ?? 1,
        IopsRead = IopsRead ?? 0,
        IopsReadMax = IopsReadMax ?? 0,
        IopsReadMaxLength = IopsReadMaxLength ?? 1,
        IopsWrite = IopsWrite ?? 0,
        IopsWriteMax = IopsWriteMax ?? 0,
        IopsWriteMaxLength = IopsWriteMaxLength ?? 1,
        BpsTotal = BpsTotal ?? 0,
        BpsTotalMax = BpsTotalMax ?? 0,
        BpsTotalMaxLength = BpsTotalMaxLength ?? 1,
        BpsRead = BpsRead ?? 0,
        BpsReadMax = BpsReadMax ?? 0,
        BpsReadMaxLength = BpsReadMaxLength ?? 1,
        BpsWrite = BpsWrite ?? 0,
        BpsWriteMax = BpsWriteMax ?? 0,
        BpsWriteMaxLength = BpsWriteMaxLength ?? 1,
        IopsSize = IopsSize ?? 0,
    };

    /// <summary>Throws unless these limits can be kept together; all values are filled in.</summary>
    /// <exception cref="QmpException">They cannot.</exception>
    public void Demand()
    {
        if (Conflicts(BpsTotal, BpsRead, BpsWrite) || Conflicts(IopsTotal, IopsRead, IopsWrite)
            || Conflicts(BpsTotalMax, BpsReadMax, BpsWriteMax) || Conflicts(IopsTotalMax, IopsReadMax, IopsWriteMax))
        {
            throw new QmpException("bps/iops/max total values and read/write values cannot be used at the same time");
        }

        if (IopsSize > 0 && IopsTotal == 0 && IopsRead == 0 && IopsWrite == 0)
            throw new QmpException("iops size requires an iops value to be set");
        foreach (var (rate, burst, length) in Buckets())
            DemandBucket(rate, burst, length);
    }

    private static bool Conflicts(long? total, long? read, long? write) => total != 0 && (read != 0 || write != 0);

    private static void DemandBucket(long rate, long burst, long length)
    {
        if (rate is < 0 or > MaxRate || burst is < 0 or > MaxRate)
            throw new QmpException($"bps/iops/max values must be within [0, {MaxRate}]");
        if (length == 0)
            throw new QmpException("the burst length cannot be 0");
        // A length is an unsigned number, so that a negative one is a long one.
        if ((ulong)length > 1 && burst == 0)
            throw new QmpException("burst length set without burst rate");
        if (burst != 0 && (ulong)length > (ulong)(MaxRate / burst))
            throw new QmpException("burst length too high for this burst rate");
        if (burst != 0 && rate == 0)
            throw new QmpException("bps_max/iops_max require corresponding bps/iops values");
        if (burst != 0 && burst < rate)
            throw new QmpException("bps_max/iops_max cannot be lower than bps/iops");
    }

    private IEnumerable<(long Rate, long Burst, long Length)> Buckets() =>
    [
        (BpsTotal!.Value, BpsTotalMax!.Value, BpsTotalMaxLength!.Value),
        (BpsRead!.Value, BpsReadMax!.Value, BpsReadMaxLength!.Value),
        (BpsWrite!.Value, BpsWriteMax!.Value, BpsWriteMaxLength!.Value),
        (IopsTotal!.Value, IopsTotalMax!.Value, IopsTotalMaxLength!.Value),
        (IopsRead!.Value, IopsReadMax!.Value, IopsReadMaxLength!.Value),
        (IopsWrite!.Value, IopsWriteMax!.Value, IopsWriteMaxLength!.Value),
    ];
}
