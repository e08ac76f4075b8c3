namespace BlockUring.Qmp.Commands.Jobs;

/// <summary>How a backup is carried out ("BackupPerf").</summary>
/// <param name="UseCopyRange">Accepted; copying in the kernel is not used for backups.</param>
/// <param name="MaxWorkers">Requests in flight.</param>
/// <param name="MaxChunk">The longest request in bytes; 0 for the default.</param>
/// <param name="MinClusterSize">The least unit of copying in bytes.</param>
internal sealed record BackupPerfArguments(bool? UseCopyRange = null, long? MaxWorkers = null, long? MaxChunk = null, ulong? MinClusterSize = null);
