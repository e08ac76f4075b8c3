namespace BlockUring.Qmp.Commands.Exports;

/// <summary>Data of BLOCK_EXPORT_DELETED.</summary>
/// <param name="Id">The export's.</param>
internal sealed record ExportIdData(string Id);
