namespace BlockUring.Qmp.Hmp.QemuIo;

/// <summary>length.</summary>
internal sealed class LengthCommand : QemuIoCommand
{
    public LengthCommand()
        : base("length", "gets the length of the current file") => ShortName = "l";

    /// <inheritdoc/>
    public override ValueTask RunAsync(QemuIoCall call)
    {
        call.Print(QemuIoReport.Size(call.Node.Length));
        return ValueTask.CompletedTask;
    }
}
