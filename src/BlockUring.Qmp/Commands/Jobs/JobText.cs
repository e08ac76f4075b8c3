using BlockUring.Jobs;

namespace BlockUring.Qmp.Commands.Jobs;

/// <summary>What commands that start jobs have in common, from text.</summary>
internal static class JobText
{
    /// <summary>What every job is started with.</summary>
    public static JobSettings Settings(string id, long? speed, bool? autoFinalize, bool? autoDismiss) => new(id)
    {
        Speed = speed ?? 0,
        AutoFinalize = autoFinalize ?? true,
        AutoDismiss = autoDismiss ?? true,
    };

    /// <summary>A policy by its name in the definition; null is "report".</summary>
    public static JobErrorPolicy Policy(string? name) => name switch
    {
        null or "report" => JobErrorPolicy.Report,
        "ignore" => JobErrorPolicy.Ignore,
        "enospc" => JobErrorPolicy.Enospc,
        "stop" => JobErrorPolicy.Stop,
        "auto" => JobErrorPolicy.Auto,
        _ => throw new ArgumentOutOfRangeException(nameof(name), name, "This is no error policy."),
    };

    /// <summary>The name in the definition.</summary>
    public static string Name(this JobIoStatus status) => status switch
    {
        JobIoStatus.Failed => "failed",
        JobIoStatus.NoSpace => "nospace",
        _ => "ok",
    };

    /// <summary>The name in the definition.</summary>
    public static string Name(this JobErrorAction action) => action switch
    {
        JobErrorAction.Ignore => "ignore",
        JobErrorAction.Stop => "stop",
        _ => "report",
    };
}
