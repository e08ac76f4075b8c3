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

    private ThrottleGroup? group;

    public ThrottleGroupObject(string id, JsonElement options)
        : base(QomType.ThrottleGroup, id)
    {
        Limits = new ThrottleLimits().Completed();
        if (options.TryGetProperty("limits", out var limits))
            Change(limits);
        Limits = With(Limits, options.EnumerateObject());
    }

    /// <summary>What such objects have.</summary>
    public static QomProperty[] PropertyList { get; } = [.. SingleNames.Select(n => n == "limits" ? LimitsProperty() : SingleProperty(n))];

    /// <summary>The limits, complete.</summary>
    public ThrottleLimits Limits { get; private set; }

    /// <inheritdoc/>
    public override object? Service => group;

    /// <inheritdoc/>
    public override bool IsInUse => group is { MemberCount: > 0 };

    /// <inheritdoc/>
    public override ValueTask CompleteAsync(MonitorContext context)
    {
        Limits.Demand();
        group = new ThrottleGroup(context.Scheduler, Id, LimitsOf(Limits));
        return default;
    }

    private static QomProperty LimitsProperty() => new(
        "limits",
        "ThrottleLimits",
        n => JsonSerializer.SerializeToElement(((ThrottleGroupObject)n).Limits, QmpJson.Default.ThrottleLimits),
        (n, value) => ((ThrottleGroupObject)n).Change(ArgumentChecker.Check(QapiSchema.Current.Type("ThrottleLimits"), "limits", value)));

    private static QomProperty SingleProperty(string name) => new(
        "x-" + name,
        "int",
        n => JsonSerializer.SerializeToElement(((ThrottleGroupObject)n).Limits, QmpJson.Default.ThrottleLimits).GetProperty(name),
        (_, _) => throw new QmpException("Property cannot be set after initialization"));

    // What a change does not name keeps its value.
    private void Change(JsonElement limits)
    {
        var changed = With(Limits, limits.EnumerateObject());
        changed.Demand();
        Limits = changed;
        group?.Limits = LimitsOf(changed);
    }

    private static Graph.Throttling.ThrottleLimits LimitsOf(ThrottleLimits limits) => Graph.Throttling.ThrottleLimits.None.With(ValuesOf(limits));

    private static Dictionary<string, long> ValuesOf(ThrottleLimits limits) =>
        JsonSerializer.SerializeToElement(limits, QmpJson.Default.ThrottleLimits)
            .EnumerateObject().ToDictionary(p => p.Name, p => p.Value.GetInt64(), StringComparer.Ordinal);

    // Single limits have names of their own, with "x-" in front.
    private static ThrottleLimits With(ThrottleLimits limits, IEnumerable<JsonProperty> changes)
    {
        var values = ValuesOf(limits);
        foreach (var change in changes)
        {
            var name = change.Name.StartsWith("x-", StringComparison.Ordinal) ? change.Name[2..] : change.Name;
            if (values.ContainsKey(name))
                values[name] = change.Value.GetInt64();
        }

        return JsonSerializer.SerializeToElement(values, QmpJson.Default.DictionaryStringInt64).Deserialize(QmpJson.Default.ThrottleLimits)!;
    }
}
