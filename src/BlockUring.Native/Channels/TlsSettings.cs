namespace BlockUring.Native.Channels;

/// <summary>What a peer is known by, and what this side shows of itself.</summary>
/// <remarks>Certificates and keys are the content of PEM files.</remarks>
public sealed record TlsSettings
{
    /// <summary>Whether peers connect to this side.</summary>
    public required bool IsServer { get; init; }

    /// <summary>What both sides are known by.</summary>
    public required TlsKind Kind { get; init; }

    /// <summary>Whether a certificate of the peer is demanded and checked; means nothing to the other kinds.</summary>
    public bool VerifiesPeer { get; init; } = true;

    /// <summary>The certificates of those who sign certificates of peers.</summary>
    public byte[]? Authorities { get; init; }

    /// <summary>What these have revoked; null for nothing.</summary>
    public byte[]? Revocations { get; init; }

    /// <summary>This side's certificate, and those between it and the authority; null for none.</summary>
    public byte[]? Certificate { get; init; }

    /// <summary>The key that belongs to <see cref="Certificate"/>; null for none.</summary>
    public byte[]? Key { get; init; }

    /// <summary>The password of <see cref="Key"/>; null where it is not encrypted.</summary>
    public string? Password { get; init; }

    /// <summary>Keys by their users: a server's all, a client's own one.</summary>
    public IReadOnlyDictionary<string, byte[]> SharedKeys { get; init; } = new Dictionary<string, byte[]>();
}
