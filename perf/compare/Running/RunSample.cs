namespace BlockUring.Compare.Running;

/// <summary>One timed run. CPU is user plus system time of the process and its descendants; memory is the largest of them.</summary>
internal sealed record RunSample(double WallSeconds, double CpuSeconds, double PeakMemoryMiB, int ExitCode, string ErrorOutput);
