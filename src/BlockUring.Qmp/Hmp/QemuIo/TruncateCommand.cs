using BlockUring.Graph;
using BlockUring.Native.Interop;
using BlockUring.Storage;

namespace BlockUring.Qmp.Hmp.QemuIo;

/// <summary>truncate: changes the length of the disk.</summary>
internal sealed class TruncateCommand : QemuIoCommand
{
    public TruncateCommand()
        : base("truncate", "truncates the current file at the given offset")
    {
        ShortName = "t";
        (MinArguments, MaxArguments, Usage) = (1, 3, "off");
    }

    /// <inheritdoc/>
    public override async ValueTask RunAsync(QemuIoCall call)
    {
        if (call.Arguments.Count > 1)
        {
            call.Output.Append(HelpLine);
            return;
        }

        if (!call.TryParseSize(call.Arguments[0], out var length))
            return;
        try
        {
            using var change = await call.Context.Graph.BeginChangeAsync();
            await NodeResize.RunAsync(call.Context.Graph, call.Node, length);
        }
        catch (BlockException e)
        {
            call.Print(e.ErrorNumber != 0 ? $"{Name}: {Errno.Message(e.ErrorNumber)}" : e.Message);
        }
    }
}
