namespace BlockUring.Qmp.Hmp.QemuIo;

/// <summary>help.</summary>
internal sealed class HelpCommand : QemuIoCommand
{
    public HelpCommand()
        : base("help", "help for one or all commands")
    {
        ShortName = "?";
        (Usage, MaxArguments) = ("[command]", 1);
    }

    /// <inheritdoc/>
    public override ValueTask RunAsync(QemuIoCall call)
    {
        if (call.Arguments.Count == 0)
        {
            foreach (var command in QemuIoMonitor.Commands)
                call.Output.Append(command.HelpLine);
            call.Output.Append("\nUse 'help commandname' for extended help.\n");
        }
        else if (QemuIoMonitor.Find(call.Arguments[0]) is { } command)
        {
            call.Output.Append(command.HelpLine);
        }
        else
        {
            call.Print($"command {call.Arguments[0]} not found");
        }

        return ValueTask.CompletedTask;
    }
}
