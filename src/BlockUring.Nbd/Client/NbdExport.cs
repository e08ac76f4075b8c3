using BlockUring.Nbd.Wire;

namespace BlockUring.Nbd.Client;

/// <summary>What a server has said of an export, and what was agreed.</summary>
public sealed record NbdExport
{
    /// <summary>As it was asked for.</summary>
    public required string Name { get; init; }

    /// <summary>Bytes.</summary>
    public long Length { get; init; }

    /// <summary>What it can do.</summary>
    public NbdTransmissionFlags Flags { get; init; }

    /// <summary>What requests have to look like; null where the server did not say.</summary>
    public NbdBlockSizes? Sizes { get; init; }

    /// <summary>Text for people; null for none.</summary>
    public string? Description { get; init; }

    /// <summary>The server's own name for it, where it said one.</summary>
    public string? CanonicalName { get; init; }

    /// <summary>What replies look like.</summary>
    public NbdReplyStyle Style { get; init; }

    /// <summary>The metadata context that was agreed, by the number that replies have; null for none.</summary>
    public uint? ContextId { get; init; }

    /// <summary>All metadata contexts of the export; filled only by a listing.</summary>
    public IReadOnlyList<string> Contexts { get; init; } = [];

    /// <summary>Whether the server takes the request.</summary>
    public bool Can(NbdTransmissionFlags flag) => (Flags & flag) != 0;
}
