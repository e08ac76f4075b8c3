namespace BlockUring.Qmp.Hmp.Commands;

/// <summary>block_job_set_speed.</summary>
internal sealed class JobSpeedCommand()
    : HmpCommand("block_job_set_speed", "device:B,speed:o", "device speed", "set maximum speed for a background block operation")
{
    /// <inheritdoc/>
    public override async ValueTask RunAsync(HmpCall call) =>
        await call.RunQmpAsync("block-job-set-speed", ("device", call.Arguments["device"]), ("speed", call.Arguments.Size("speed")));
}
