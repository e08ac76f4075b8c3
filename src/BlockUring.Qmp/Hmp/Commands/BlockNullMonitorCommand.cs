namespace BlockUring.Qmp.Hmp.Commands;

/// <summary>block_null.</summary>
internal sealed class BlockNullMonitorCommand()
    : HmpCommand("block_null", "device:B,speed:o?", "device [speed]", "read all of a block device and do nothing with it")
{
    /// <inheritdoc/>
    public override async ValueTask RunAsync(HmpCall call) =>
        await call.RunQmpAsync("block-null", ("device", call.Arguments["device"]), ("speed", call.Arguments.Size("speed")));
}
