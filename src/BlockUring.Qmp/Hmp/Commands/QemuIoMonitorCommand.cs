namespace BlockUring.Qmp.Hmp.Commands;

/// <summary>qemu-io: plain requests to a node.</summary>
internal sealed class QemuIoMonitorCommand()
    : HmpCommand("qemu-io", "qdev:-d,device:B,command:s", "[-d] [device] \"[command]\"", "run a qemu-io command on a block device")
{
    /// <inheritdoc/>
    public override async ValueTask RunAsync(HmpCall call)
    {
        var name = call.Arguments["device"]!;
        if (call.Arguments.Has("qdev"))
            throw new QmpException($"Device '{name}' not found");
        var node = call.Context.FindDevice(name);
        call.Output.Append(await call.Context.HumanMonitor.QemuIo.RunAsync(node, call.Arguments["command"]!));
    }
}
