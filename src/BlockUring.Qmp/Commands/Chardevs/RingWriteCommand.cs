using System.Text;

namespace BlockUring.Qmp.Commands.Chardevs;

/// <summary>ringbuf-write.</summary>
internal sealed class RingWriteCommand()
    : QmpCommand<RingWriteArguments, NoResult>("ringbuf-write", QmpJson.Default.RingWriteArguments, QmpJson.Default.NoResult)
{
    /// <inheritdoc/>
    protected override ValueTask<NoResult> RunAsync(MonitorContext context, RingWriteArguments arguments)
    {
        var ring = RingReadCommand.RingOf(context, arguments.Device);
        var bytes = Encoding.UTF8.GetBytes(arguments.Data);
        ring.Write(arguments.Format == RingReadCommand.Base64Format ? Base64Text.Decode(bytes) : bytes);
        return new(NoResult.Value);
    }
}
