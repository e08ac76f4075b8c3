namespace BlockUring.Qmp.Hmp.Commands;

/// <summary>block_job_cancel.</summary>
internal sealed class JobCancelCommand() : HmpCommand(
    "block_job_cancel", "force:-f,device:B", "[-f] device", "stop an active background block operation (use -f if a ready job shall end at once)")
{
    /// <inheritdoc/>
    public override async ValueTask RunAsync(HmpCall call) =>
        await call.RunQmpAsync("block-job-cancel", ("device", call.Arguments["device"]), ("force", call.Arguments.Has("force")));
}
