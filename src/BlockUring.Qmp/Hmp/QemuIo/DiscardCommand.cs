using BlockUring.Graph;
using BlockUring.Storage;

namespace BlockUring.Qmp.Hmp.QemuIo;

/// <summary>discard.</summary>
internal sealed class DiscardCommand : QemuIoCommand
{
    public DiscardCommand()
        : base("discard", "discards a number of bytes at a specified offset")
    {
        ShortName = "d";
        (MinArguments, MaxArguments, Usage) = (2, -1, "[-Cq] off len");
        Permissions = ImagePermissions.Write;
    }

    /// <inheritdoc/>
    public override async ValueTask RunAsync(QemuIoCall call)
    {
        var options = QemuIoOptions.Parse(Name, call.Arguments, "Cq");
        if (QemuIoRange.Parse(this, call, options, isVector: false, isLimited: true, "") is not { } range)
            return;
        var start = call.Now;
        ValueTask Request(BlockNode node)
        {
            QemuIoCall.DemandInside(node, range.Offset, range.Length);
            return node.DiscardAsync(range.Offset, range.Length);
        }

        if (await call.TryRequestAsync(Name, Request) && !options.Has('q'))
            call.Output.Append(QemuIoReport.Request("discard", range.Offset, range.Length, call.Since(start), options.Has('C')));
    }
}
