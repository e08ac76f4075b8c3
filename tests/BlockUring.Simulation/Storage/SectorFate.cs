namespace BlockUring.Simulation.Storage;

/// <summary>What becomes of one unflushed change when the power goes.</summary>
internal enum SectorFate
{
    /// <summary>All of it is lost.</summary>
    Lost,

    /// <summary>All of it is on the medium.</summary>
    Kept,

    /// <summary>Some of its sectors are on the medium.</summary>
    Torn,
}
