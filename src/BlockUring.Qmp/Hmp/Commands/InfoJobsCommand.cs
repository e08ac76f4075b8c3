using System.Text.Json;

namespace BlockUring.Qmp.Hmp.Commands;

/// <summary>info block-jobs.</summary>
internal sealed class InfoJobsCommand() : HmpCommand("info block-jobs", "", "", "show progress of ongoing block device operations")
{
    /// <inheritdoc/>
    public override async ValueTask RunAsync(HmpCall call)
    {
        var jobs = await call.RunQmpAsync("query-block-jobs");
        if (jobs.GetArrayLength() == 0)
            call.Print("No active jobs");
        foreach (var job in jobs.EnumerateArray())
            call.Print(Describe(job));
    }

    private static string Describe(JsonElement job)
    {
        var (type, device) = (job.GetProperty("type").GetString(), job.GetProperty("device").GetString());
        var what = type == "stream" ? $"Streaming device {device}" : $"Type {type}, device {device}";
        return $"{what}: Completed {job.GetProperty("offset")} of {job.GetProperty("len")} bytes, speed limit {job.GetProperty("speed")} bytes/s";
    }
}
