namespace BlockUring.Qmp.Hmp.Commands;

/// <summary>block_stream.</summary>
internal sealed class StreamMonitorCommand() : HmpCommand(
    "block_stream", "device:B,speed:o?,base:s?", "device [speed [base]]", "copy data from a backing file into a block device")
{
    /// <inheritdoc/>
    public override async ValueTask RunAsync(HmpCall call) => await call.RunQmpAsync(
        "block-stream",
        ("job-id", call.Arguments["device"]),
        ("device", call.Arguments["device"]),
        ("base", call.Arguments["base"]),
        ("speed", call.Arguments.Size("speed")));
}
