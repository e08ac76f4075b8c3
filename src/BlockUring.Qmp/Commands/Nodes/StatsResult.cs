using System.Text.Json;

namespace BlockUring.Qmp.Commands.Nodes;

/// <summary>What was done with a node so far ("BlockStats").</summary>
internal sealed record StatsResult
{
    public string? Device { get; init; }

    public string? Qdev { get; init; }

    public string? NodeName { get; init; }

    public required DeviceStatsResult Stats { get; init; }

    public JsonElement? DriverSpecific { get; init; }

    public StatsResult? Parent { get; init; }

    public StatsResult? Backing { get; init; }
}
