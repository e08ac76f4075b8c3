namespace BlockUring.Qmp.Commands.Nodes;

/// <summary>block-set-write-threshold.</summary>
internal sealed class WriteThresholdCommand() : QmpCommand<WriteThresholdArguments, NoResult>(
    "block-set-write-threshold", QmpJson.Default.WriteThresholdArguments, QmpJson.Default.NoResult)
{
    /// <inheritdoc/>
    protected override ValueTask<NoResult> RunAsync(MonitorContext context, WriteThresholdArguments arguments)
    {
        var node = context.Graph.TryFind(arguments.NodeName) ?? throw new QmpException($"Device '{arguments.NodeName}' not found");
        var events = context.Events;
        node.Observers.ThresholdExceeded = (passed, exceeded, threshold) => events.Send(
            "BLOCK_WRITE_THRESHOLD",
            new(passed.Name, (ulong)exceeded, (ulong)threshold),
            QmpJson.Default.WriteThresholdData);
        // Why: no write goes beyond the longest disk.
        node.Observers.Threshold = (long)Math.Min(arguments.WriteThreshold, long.MaxValue);
        return new(NoResult.Value);
    }
}
