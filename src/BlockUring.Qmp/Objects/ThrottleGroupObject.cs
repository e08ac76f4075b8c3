using System.Text.Json;
using BlockUring.Graph.Throttling;
using BlockUring.Qmp.Commands;
using BlockUring.Qmp.Schema;

namespace BlockUring.Qmp.Objects;

/// <summary>Limits that the nodes of a group share.</summary>
internal sealed class ThrottleGroupObject : UserObject
{
    // The order is the one in which QEMU lists them.
    private static readonly string[] SingleNames =
    [
        "bps-write-max-length", "iops-total-max-length", "iops-size", "limits", "bps-total", "iops-read-max-length", "bps-write",
        "iops-write-max-length", "bps-read-max", "iops-read-max", "bps-total-max", "bps-read-max-length", "iops-read", "bps-read",
        "bps-write-max", "iops-total-max", "iops-total", "iops-write", "bps-total-max-length", "iops-write-max",
    ];

    private readonly Dictionary<string, long> singles;
    private ThrottleGroup? group;

    public ThrottleGroupObject(string id, JsonElement options)
        : base(QomType.ThrottleGroup, id)
    {
        if (options.TryGetProperty("limits", out var limits))
            Change(limits);

        // Single limits have names of their own, with "x-" in front.
        singles = ValuesOf(options.EnumerateObject().Where(p => p.Name.StartsWith("x-", StringComparison.Ordinal)), p => p.Name[2..]);
    }

    /// <summary>What such objects have.</summary>
    public static QomProperty[] PropertyList { get; } = [.. SingleNames.Select(n => n == "limits" ? LimitsProperty() : SingleProperty(n))];

    /// <summary>The limits.</summary>
    public ThrottleLimits Limits { get; private set; } = ThrottleLimits.None;

    /// <inheritdoc/>
    public override object? Service => group;

    /// <inheritdoc/>
    public override bool IsInUse => group is { MemberCount: > 0 };

    /// <inheritdoc/>
    public override ValueTask CompleteAsync(MonitorContext context)
    {
        Limits = Limits.With(singles);
        group = new ThrottleGroup(context.Scheduler, Id, Limits);
        return default;
    }

    private static QomProperty LimitsProperty() => new(
        "limits",
        "ThrottleLimits",
        n => JsonSerializer.SerializeToElement(((ThrottleGroupObject)n).Limits.Values, QmpJson.Default.IReadOnlyDictionaryStringInt64),
        (n, value) => ((ThrottleGroupObject)n).Change(ArgumentChecker.Check(QapiSchema.Current.Type("ThrottleLimits"), "limits", value)));

    private static QomProperty SingleProperty(string name) => new(
        "x-" + name,
        "int",
        n => JsonSerializer.SerializeToElement(((ThrottleGroupObject)n).Limits[name], QmpJson.Default.Int64),
        (_, _) => throw new QmpException("Property cannot be set after initialization"));

    // What a change does not name keeps its value.
    private void Change(JsonElement limits)
    {
        Limits = Limits.With(ValuesOf(limits.EnumerateObject(), p => p.Name));
        group?.Limits = Limits;
    }

    private static Dictionary<string, long> ValuesOf(IEnumerable<JsonProperty> members, Func<JsonProperty, string> nameOf) =>
        members.ToDictionary(nameOf, p => p.Value.GetInt64(), StringComparer.Ordinal);
}
