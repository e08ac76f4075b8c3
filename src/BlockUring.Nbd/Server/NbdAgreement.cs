using BlockUring.Nbd.Wire;

namespace BlockUring.Nbd.Server;

/// <summary>What a handshake has ended in.</summary>
/// <param name="Export">What the client uses.</param>
/// <param name="Style">What replies look like.</param>
/// <param name="Contexts">What block status tells, in the order of replies; none where it was not asked for.</param>
internal sealed record NbdAgreement(NbdExport Export, NbdReplyStyle Style, IReadOnlyList<MetaContext> Contexts);
