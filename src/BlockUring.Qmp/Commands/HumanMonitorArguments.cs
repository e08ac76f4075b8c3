namespace BlockUring.Qmp.Commands;

/// <summary>Arguments of human-monitor-command.</summary>
/// <param name="CommandLine">What to run.</param>
/// <param name="CpuIndex">Is passed over: there are no processors here.</param>
internal sealed record HumanMonitorArguments(string CommandLine, long? CpuIndex = null);
