using BlockUring.Graph;
using BlockUring.Storage;

namespace BlockUring.Qmp.Hmp.QemuIo;

/// <summary>truncate: changes the length of the disk.</summary>
internal sealed class TruncateCommand : QemuIoCommand
{
    public TruncateCommand()
        : base("truncate", "truncates the current file at the given offset")
    {
        ShortName = "t";
        (MinArguments, MaxArguments, Usage) = (1, 3, "[-m prealloc_mode] off");
    }

    /// <inheritdoc/>
    public override async ValueTask RunAsync(QemuIoCall call)
    {
        var options = QemuIoOptions.Parse(Name, call.Arguments, "m:");
        var preallocation = PreallocationMode.Off;
        if (options.Error == null && options['m'] is { } text && !TryParse(text, out preallocation))
        {
            call.Print($"Invalid preallocation mode '{text}'");
            return;
        }

        if (options.Error != null || options.Rest.Count == 0)
        {
            call.Output.Append(options.Error == null ? "" : options.Error + "\n").Append(HelpLine);
            return;
        }

        if (!call.TryParseSize(options.Rest[0], out var length))
            return;
        try
        {
            using var change = await call.Context.Graph.BeginChangeAsync();
            await NodeResize.RunAsync(call.Context.Graph, call.Node, length, preallocation);
        }
        catch (BlockException e)
        {
            call.Print(e.Message);
        }
    }

    private static bool TryParse(string text, out PreallocationMode mode)
    {
        PreallocationMode? found = text switch
        {
            "off" => PreallocationMode.Off,
            "metadata" => PreallocationMode.Metadata,
            "falloc" => PreallocationMode.Falloc,
            "full" => PreallocationMode.Full,
            _ => null,
        };
        mode = found ?? PreallocationMode.Off;
        return found != null;
    }
}
