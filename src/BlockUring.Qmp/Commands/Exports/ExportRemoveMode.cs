namespace BlockUring.Qmp.Commands.Exports;

/// <summary>What becomes of the clients of an export that is removed.</summary>
internal enum ExportRemoveMode
{
    /// <summary>Where there are any, the export stays.</summary>
    Safe,

    /// <summary>They are disconnected.</summary>
    Hard,
}
