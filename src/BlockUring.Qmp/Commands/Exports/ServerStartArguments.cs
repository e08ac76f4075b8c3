using System.Text.Json;

namespace BlockUring.Qmp.Commands.Exports;

/// <summary>Arguments of nbd-server-start.</summary>
/// <param name="Addr">Where to listen: "SocketAddressLegacy".</param>
/// <param name="TlsCreds">The id of an object; null for none.</param>
/// <param name="TlsAuthz">The id of an object; null for none.</param>
/// <param name="MaxConnections">Clients at a time; 0 for no limit.</param>
internal sealed record ServerStartArguments(JsonElement Addr, string? TlsCreds = null, string? TlsAuthz = null, uint? MaxConnections = null);
