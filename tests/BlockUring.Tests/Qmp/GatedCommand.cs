using BlockUring.Qmp;
using BlockUring.Qmp.Commands;
using BlockUring.Qmp.Schema;
using BlockUring.Storage;

namespace BlockUring.Tests.Qmp;

/// <summary>A command that goes on when the test says so.</summary>
internal sealed class GatedCommand(string name, bool allowsOutOfBand = false)
    : QmpCommand<NoArguments, NoResult>(name, QmpJson.Default.NoArguments, QmpJson.Default.NoResult)
{
    private readonly Queue<Arrival> running = new();

    public int StartedCount { get; private set; }

    public override SchemaCommand Definition { get; } = new(name, ObjectType.Empty, ObjectType.Empty) { AllowsOutOfBand = allowsOutOfBand };

    /// <summary>What the next one to finish throws.</summary>
    public Exception? Failure { get; set; }

    public void Finish() => running.Dequeue().Succeed();

    protected override async ValueTask<NoResult> RunAsync(MonitorContext context, NoArguments arguments)
    {
        StartedCount++;
        var gate = new Arrival();
        running.Enqueue(gate);
        await gate;
        return Failure == null ? NoResult.Value : throw Failure;
    }
}
