using BlockUring.Qmp.Channels;

namespace BlockUring.Qmp.Commands.Chardevs;

/// <summary>A command that needs a character device and nothing else.</summary>
internal sealed class ChardevIdCommand : QmpCommand<ChardevIdArguments, NoResult>
{
    private readonly Func<MonitorContext, Chardev, ValueTask> run;

    private ChardevIdCommand(string name, Func<MonitorContext, Chardev, ValueTask> run)
        : base(name, QmpJson.Default.ChardevIdArguments, QmpJson.Default.NoResult) => this.run = run;

    /// <summary>All of them.</summary>
    public static IReadOnlyList<QmpCommand> All { get; } =
    [
        new ChardevIdCommand("chardev-remove", (context, chardev) => chardev.HasFrontend
            ? throw new QmpException($"Chardev '{chardev.Label}' is busy")
            : context.RemoveChardevAsync(chardev)),

        // Monitors are what devices are for here, and a break means nothing to them.
        new ChardevIdCommand("chardev-send-break", (_, _) => default),
    ];

    /// <inheritdoc/>
    protected override async ValueTask<NoResult> RunAsync(MonitorContext context, ChardevIdArguments arguments)
    {
        await run(context, context.TryFindChardev(arguments.Id) ?? throw new QmpException($"Chardev '{arguments.Id}' not found"));
        return NoResult.Value;
    }
}
