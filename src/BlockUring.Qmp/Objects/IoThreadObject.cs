using System.Text.Json;

namespace BlockUring.Qmp.Objects;

/// <summary>A thread for I/O. Its settings are kept for scripts that ask for them; a ring needs no polling and no thread pool.</summary>
internal sealed class IoThreadObject : UserObject
{
    private readonly Dictionary<string, long> settings = new(StringComparer.Ordinal)
    {
        ["thread-pool-min"] = 0,
        ["aio-max-batch"] = 0,
        ["thread-pool-max"] = 64,
        ["poll-max-ns"] = 32768,
        ["poll-grow"] = 0,
        ["poll-shrink"] = 0,
    };

    public IoThreadObject(string id, JsonElement options)
        : base(QomType.IoThread, id)
    {
        foreach (var name in settings.Keys.ToArray())
        {
            if (options.TryGetProperty(name, out var value))
                Set(name, value.GetInt64());
        }
    }

    /// <summary>What such objects have.</summary>
    public static QomProperty[] PropertyList { get; } =
        [.. new[] { "thread-pool-min", "aio-max-batch", "thread-pool-max", "poll-max-ns", "poll-grow", "poll-shrink" }.Select(Property)];

    private static QomProperty Property(string name) => new(
        name,
        "int",
        n => QomProperty.Number(((IoThreadObject)n).settings[name]),
        (n, value) => ((IoThreadObject)n).Set(name, QomProperty.NumberOf(name, value)));

    private void Set(string name, long value)
    {
        if (value < 0)
            throw new QmpException($"{name} value must be in range [0, {long.MaxValue}]");
        settings[name] = value;
    }
}
