namespace BlockUring.Qmp.Hmp.Commands;

/// <summary>block_resize.</summary>
internal sealed class ResizeCommand() : HmpCommand("block_resize", "device:B,size:o", "device size", "resize a block image")
{
    /// <inheritdoc/>
    public override async ValueTask RunAsync(HmpCall call) =>
        await call.RunQmpAsync("block_resize", ("node-name", call.Arguments["device"]), ("size", call.Arguments.Size("size")));
}
