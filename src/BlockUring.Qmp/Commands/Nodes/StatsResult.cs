namespace BlockUring.Qmp.Commands.Nodes;

/// <summary>What was done with a node so far ("BlockStats").</summary>
internal sealed record StatsResult
{
    public string? NodeName { get; init; }

    public required DeviceStatsResult Stats { get; init; }

    public StatsResult? Parent { get; init; }
}
