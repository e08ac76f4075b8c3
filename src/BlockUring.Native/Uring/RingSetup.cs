using BlockUring.Native.Interop;

namespace BlockUring.Native.Uring;

/// <summary>Creates the ring's descriptor with as many features as the kernel takes, and keeps the account of them.</summary>
internal sealed unsafe class RingSetup
{
    // Dropped in this order while the kernel answers EINVAL: newest first.
    private static readonly (RingFeature Feature, IoUringSetup Flag)[] Optional =
    [
        (RingFeature.NoSqArray, IoUringSetup.NoSqArray),
        (RingFeature.DeferTaskrun, IoUringSetup.DeferTaskrun),
        (RingFeature.SingleIssuer, IoUringSetup.SingleIssuer),
        (RingFeature.CoopTaskrun, IoUringSetup.CoopTaskrun),
        (RingFeature.SubmitAll, IoUringSetup.SubmitAll),
    ];

    private readonly RingOptions options;
    private readonly List<string> notes = [];
    private IoUringParams parameters;
    private RingFeature enabled;

    public RingSetup(RingOptions options)
    {
        this.options = options;
        Fd = Create();
        if ((parameters.Features & IoUringAbi.FeatureNoDrop) == 0 || (parameters.Features & IoUringAbi.FeatureSingleMmap) == 0)
            throw new PlatformNotSupportedException("This kernel's io_uring is too old: Linux 5.5 or later is needed");
        if (Wants(RingFeature.ExtArg))
        {
            if ((parameters.Features & IoUringAbi.FeatureExtArg) != 0)
                enabled |= RingFeature.ExtArg;
            else
                notes.Add("time-outs by io_uring_enter: not in this kernel");
        }
    }

    public int Fd { get; }

    public ref readonly IoUringParams Parameters => ref parameters;

    public RingFeatures Features => new(enabled, (int)parameters.SqEntries, (int)parameters.CqEntries, notes);

    public bool Wants(RingFeature feature)
    {
        if ((options.Without & feature) == 0)
            return true;
        notes.Add($"{feature}: switched off");
        return false;
    }

    public void Enable(RingFeature feature) => enabled |= feature;

    public void Note(string what, int errno) => notes.Add($"{what}: {Errno.Message(errno)}");

    private int Create()
    {
        var wanted = IoUringSetup.None;
        foreach (var (feature, flag) in Optional)
        {
            if (Wants(feature) && (feature != RingFeature.DeferTaskrun || (options.Without & RingFeature.SingleIssuer) == 0))
                wanted |= flag;
        }

        var dropped = 0;
        while (true)
        {
            var fd = TrySetup(wanted, out var errno);
            if (fd >= 0)
            {
                foreach (var (feature, flag) in Optional)
                    enabled |= (wanted & flag) != 0 ? feature : RingFeature.None;
                return fd;
            }

            if (errno != Errno.EINVAL || dropped == Optional.Length)
                throw new PlatformNotSupportedException($"Could not set up io_uring: {Errno.Message(errno)}{Advice(errno)}");
            if ((wanted & Optional[dropped].Flag) != 0)
                notes.Add($"{Optional[dropped].Feature}: not in this kernel");
            wanted &= ~Optional[dropped++].Flag;
        }
    }

    private int TrySetup(IoUringSetup flags, out int errno)
    {
        parameters = new IoUringParams
        {
            Flags = flags | IoUringSetup.Clamp | IoUringSetup.CqSize,
            CqEntries = (uint)options.Entries * 4,
        };
        fixed (IoUringParams* p = &parameters)
        {
            var fd = Kernel.IoUringSetup((uint)options.Entries, p);
            errno = fd < 0 ? Errno.Last : 0;
            return fd;
        }
    }

    private static string Advice(int errno) => errno switch
    {
        Errno.ENOSYS => " (this kernel has no io_uring)",
        Errno.EPERM => " (io_uring is switched off: see /proc/sys/kernel/io_uring_disabled, or the container's seccomp profile)",
        Errno.ENOMEM => " (the limit on locked memory is too small: see ulimit -l)",
        _ => "",
    };
}
