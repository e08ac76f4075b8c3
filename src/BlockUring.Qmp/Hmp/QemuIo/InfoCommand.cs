using BlockUring.Graph;
using BlockUring.Images;

namespace BlockUring.Qmp.Hmp.QemuIo;

/// <summary>info: what is known of the node.</summary>
internal sealed class InfoCommand : QemuIoCommand
{
    public InfoCommand()
        : base("info", "prints information about the current file") => ShortName = "i";

    /// <inheritdoc/>
    public override ValueTask RunAsync(QemuIoCall call)
    {
        var node = call.Node;
        call.Print($"format name: {node.DriverName}");

        // As in QEMU, where protocols have two names, and those that are not there know nothing else.
        if (node.Primary == null)
            call.Print($"format name: {node.DriverName}");
        if (node.DriverName.StartsWith("null-", StringComparison.Ordinal))
            return ValueTask.CompletedTask;
        var image = (node.Layer as FormatNode)?.Image;
        call.Print($"cluster size: {QemuIoReport.Size(node.ClusterLength)}");
        call.Print($"vm state offset: {QemuIoReport.Size(image?.Format.VmStateOffset ?? 0)}");
        if (node is FormatNode && image!.Format.Describe().Specific is { } facts)
            call.Output.Append("Format specific information:\n").Append(InfoText.Lines(facts, 1));
        return ValueTask.CompletedTask;
    }
}
