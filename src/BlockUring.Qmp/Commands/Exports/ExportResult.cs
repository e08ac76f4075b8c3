namespace BlockUring.Qmp.Commands.Exports;

/// <summary>An export, for query-block-exports ("BlockExportInfo").</summary>
/// <param name="Id">Its id.</param>
/// <param name="Type">"nbd".</param>
/// <param name="NodeName">The node shown.</param>
/// <param name="ShuttingDown">Whether it takes no clients any more.</param>
internal sealed record ExportResult(string Id, string Type, string NodeName, bool ShuttingDown);
