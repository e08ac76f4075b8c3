namespace BlockUring.Qmp.Hmp.QemuIo;

/// <summary>flush.</summary>
internal sealed class FlushCommand : QemuIoCommand
{
    public FlushCommand()
        : base("flush", "flush all in-core file state to disk") => ShortName = "f";

    /// <inheritdoc/>
    public override async ValueTask RunAsync(QemuIoCall call) => await call.TryRequestAsync(Name, n => n.FlushAsync());
}
