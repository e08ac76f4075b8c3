using BlockUring.Images;
using BlockUring.Storage;

namespace BlockUring.Graph.Throttling;

/// <summary>
/// Limits of a throttle group by QEMU's names: "iops-total", "bps-read", "iops-write-max" (the rate of a burst), "bps-total-max-length" (its
/// seconds, 1 unless given), "iops-size" (a longer request counts as several). 0 is no limit. Never changes once made.
/// </summary>
public sealed class ThrottleLimits
{
    /// <summary>The highest rate, a second.</summary>
    public const long MaxValue = 1_000_000_000_000_000;

    private const string LengthSuffix = "-max-length";
    private static readonly string[] Rates = ["bps-total", "bps-read", "bps-write", "iops-total", "iops-read", "iops-write"];

    private readonly Dictionary<string, long> values;

    private ThrottleLimits(Dictionary<string, long> values) => this.values = values;

    /// <summary>All names, in order.</summary>
    public static IReadOnlyList<string> Names { get; } =
        [.. Rates.SelectMany(r => new[] { r, r + "-max", r + LengthSuffix }).Append("iops-size").Order(StringComparer.Ordinal)];

    /// <summary>No limit.</summary>
    public static ThrottleLimits None { get; } = new(Names.ToDictionary(n => n, Default));

    /// <summary>All values by name, in order.</summary>
    public IReadOnlyDictionary<string, long> Values => values;

    /// <summary>The value of a name.</summary>
    public long this[string name] => values[name];

    /// <summary>Whether there is such a name.</summary>
    public static bool IsName(string name) => Names.Contains(name);

    /// <summary>Reads limits given as text options ("iops-total=1000").</summary>
    /// <exception cref="BlockException">Why not.</exception>
    public static ThrottleLimits Parse(OptionTree options)
    {
        var given = new Dictionary<string, long>();
        foreach (var (name, text) in options.Values)
            given[name] = unchecked((long)OptionText.ParseNumber(name, text));
        return None.With(given);
    }

    /// <summary>These limits with some changed.</summary>
    /// <exception cref="BlockException">An unknown name, a value out of range, or limits that contradict each other.</exception>
    public ThrottleLimits With(IReadOnlyDictionary<string, long> changes)
    {
        var changed = new Dictionary<string, long>(values);
        foreach (var (name, value) in changes)
        {
            if (!IsName(name))
                throw Invalid($"Parameter 'limits.{name}' is unexpected");
            changed[name] = value;
        }

        var limits = new ThrottleLimits(changed);
        limits.Demand();
        foreach (var (name, value) in changes)
        {
            if (name.EndsWith(LengthSuffix, StringComparison.Ordinal) && value > uint.MaxValue)
                throw Invalid($"{name} value must be in the range [0, {uint.MaxValue}]");
        }

        return limits;
    }

    internal ThrottleBucket MakeBucket(string rate) => new(this[rate], this[rate + "-max"], this[rate + LengthSuffix]);

    private static long Default(string name) => name.EndsWith(LengthSuffix, StringComparison.Ordinal) ? 1 : 0;

    private static BlockException Invalid(string message) => new(BlockErrorKind.Invalid, message);

    private void Demand()
    {
        foreach (var (kind, suffix) in (ReadOnlySpan<(string, string)>)[("bps", ""), ("iops", ""), ("bps", "-max"), ("iops", "-max")])
        {
            if (this[$"{kind}-total{suffix}"] != 0 && (this[$"{kind}-read{suffix}"] != 0 || this[$"{kind}-write{suffix}"] != 0))
                throw Invalid("bps/iops/max total values and read/write values cannot be used at the same time");
        }

        if (this["iops-size"] != 0 && this["iops-total"] == 0 && this["iops-read"] == 0 && this["iops-write"] == 0)
            throw Invalid("iops size requires an iops value to be set");
        foreach (var rate in Rates)
            Demand(this[rate], this[rate + "-max"], this[rate + LengthSuffix]);
    }

    private static void Demand(long average, long max, long length)
    {
        if (average is < 0 or > MaxValue || max is < 0 or > MaxValue)
            throw Invalid($"bps/iops/max values must be within [0, {MaxValue}]");
        if (length == 0)
            throw Invalid("the burst length cannot be 0");
        if (length != 1 && max == 0)
            throw Invalid("burst length set without burst rate");
        if (max != 0 && (ulong)length > (ulong)(MaxValue / max))
            throw Invalid("burst length too high for this burst rate");
        if (max != 0 && average == 0)
            throw Invalid("bps_max/iops_max require corresponding bps/iops values");
        if (max != 0 && max < average)
            throw Invalid("bps_max/iops_max cannot be lower than bps/iops");
    }
}
