namespace BlockUring.Qmp.Hmp.Commands;

/// <summary>help.</summary>
internal sealed class MonitorHelpCommand() : HmpCommand("help", "name:S?", "[cmd]", "show the help")
{
    /// <inheritdoc/>
    public override ValueTask RunAsync(HmpCall call)
    {
        var name = call.Arguments["name"]?.TrimEnd();
        foreach (var command in name == null ? HumanMonitor.All : HumanMonitor.Find(name))
            call.Output.Append(command.HelpLine);
        return ValueTask.CompletedTask;
    }
}
