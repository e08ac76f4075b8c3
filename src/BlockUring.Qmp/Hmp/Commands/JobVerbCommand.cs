namespace BlockUring.Qmp.Hmp.Commands;

/// <summary>block_job_pause and the like: one verb on one block job.</summary>
internal sealed class JobVerbCommand(string name, string qmpName, string summary) : HmpCommand(name, "device:B", "device", summary)
{
    /// <inheritdoc/>
    public override async ValueTask RunAsync(HmpCall call) => await call.RunQmpAsync(qmpName, ("device", call.Arguments["device"]));
}
