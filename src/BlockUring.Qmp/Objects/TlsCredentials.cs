using System.Text;
using System.Text.Json;
using BlockUring.Native.Channels;
using BlockUring.Native.Interop;

namespace BlockUring.Qmp.Objects;

/// <summary>What one side of encrypted connections is known by. Files are read once, when the object is made.</summary>
internal abstract class TlsCredentials : UserObject
{
    private const int MaxFileBytes = 1 << 20;

    private readonly string? priority;
    private string? folder;
    private TlsContext? secure;

    /// <summary>Takes what all kinds have.</summary>
    protected TlsCredentials(QomType type, string id, JsonElement options)
        : base(type, id)
    {
        if (options.TryGetProperty("loaded", out _))
            throw new QmpException($"Property '{type.Name}.loaded' is not writable");
        folder = TextOf(options, "dir");
        priority = TextOf(options, "priority");
        IsServer = TextOf(options, "endpoint") == "server";
        VerifiesPeer = !options.TryGetProperty("verify-peer", out var verifies) || verifies.GetBoolean();
    }

    /// <summary>Whether they are for a server.</summary>
    public bool IsServer { get; private set; }

    /// <summary>Whether the peer's certificate is checked.</summary>
    protected bool VerifiesPeer { get; private set; }

    /// <summary>Whether a client must say whom the server's certificate is to name.</summary>
    protected virtual bool NeedsHostName => false;

    /// <summary>What all kinds have, and some more.</summary>
    protected static QomProperty[] PropertiesWith(params QomProperty[] more) =>
    [
        new(
            "endpoint",
            "QCryptoTLSCredsEndpoint",
            n => QomProperty.Text(((TlsCredentials)n).IsServer ? "server" : "client"),
            (n, value) => ((TlsCredentials)n).IsServer = QomProperty.CheckedText("QCryptoTLSCredsEndpoint", "endpoint", value) == "server"),
        new(
            "dir",
            "string",
            n => QomProperty.Text(((TlsCredentials)n).folder ?? ""),
            (n, value) => ((TlsCredentials)n).folder = QomProperty.TextOf("dir", value)),
        new(
            "verify-peer",
            "bool",
            n => JsonElement.Parse(((TlsCredentials)n).VerifiesPeer ? "true" : "false"),
            (n, value) => ((TlsCredentials)n).VerifiesPeer = value.ValueKind == JsonValueKind.True),
        new("priority", "string", n => QomProperty.Text(((TlsCredentials)n).priority ?? ""), (_, _) => throw NoPriority()),
        .. more,
        new("loaded", "bool", n => JsonElement.Parse(((TlsCredentials)n).secure == null ? "false" : "true")),
    ];

    /// <inheritdoc/>
    public sealed override async ValueTask CompleteAsync(MonitorContext context)
    {
        // Why refused: what it would have ruled out may be what somebody relies on.
        if (priority != null)
            throw NoPriority();
        if (TlsContext.WhyNot is { } reason)
            throw new QmpException(reason);
        secure = await LoadAsync(context);
    }

    /// <summary>Makes a secure channel of a plain one, which it owns from then on.</summary>
    /// <param name="context">What this belongs to.</param>
    /// <param name="plain">The connection; closed where this fails.</param>
    /// <param name="hostName">Whom the server's certificate must be made out to; null for anybody.</param>
    /// <param name="demand">Throws where the peer, of this name, is not to be let in.</param>
    /// <exception cref="TlsException">Why not.</exception>
    public async ValueTask<ByteChannel> EncryptAsync(MonitorContext context, ByteChannel plain, string? hostName, Action<string?>? demand = null)
    {
        TlsChannel? channel = null;
        try
        {
            if (!IsServer && hostName == null && NeedsHostName)
                throw new TlsException("No hostname for certificate validation");
            channel = new TlsChannel(context.Scheduler, plain, secure!, hostName);
            await channel.HandshakeAsync();
            demand?.Invoke(channel.PeerName);
            return channel;
        }
        catch (IOException)
        {
            if (channel == null)
                plain.Dispose();
            else
                channel.Dispose();
            throw;
        }
    }

    /// <summary>Reads what is in the folder.</summary>
    /// <exception cref="QmpException">In QEMU's words.</exception>
    protected abstract ValueTask<TlsContext> LoadAsync(MonitorContext context);

    /// <summary>The path of a file in the folder.</summary>
    /// <exception cref="QmpException">There is no folder.</exception>
    protected string PathOf(string name) => folder == null ? throw new QmpException("Missing 'dir' property value") : $"{folder}/{name}";

    /// <summary>The content of a file in the folder.</summary>
    /// <exception cref="QmpException">There is none, or it cannot be read.</exception>
    protected async ValueTask<byte[]> ReadAsync(MonitorContext context, string name) =>
        await TryReadAsync(context, name) ?? throw new QmpException($"Unable to access credentials {PathOf(name)}: {Errno.Message(Errno.ENOENT)}");

    /// <summary>As <see cref="ReadAsync"/>; null when there is no such file.</summary>
    protected async ValueTask<byte[]?> TryReadAsync(MonitorContext context, string name)
    {
        var load = new FileLoad(PathOf(name), MaxFileBytes + 1);
        await context.Scheduler.OffloadAsync(load);
        if (load.ErrorNumber == Errno.ENOENT)
            return null;
        if (load.ErrorNumber != 0)
            throw new QmpException($"Unable to access credentials {PathOf(name)}: {Errno.Message(load.ErrorNumber)}");
        return load.Content.Length <= MaxFileBytes ? load.Content
            : throw new QmpException($"Unable to access credentials {PathOf(name)}: {Errno.Message(Errno.EFBIG)}");
    }

    /// <summary>A text that was given; null where it was not.</summary>
    protected static string? TextOf(JsonElement options, string name) => options.TryGetProperty(name, out var value) ? value.GetString() : null;

    /// <summary>A password as text.</summary>
    protected static string PasswordOf(byte[] secret) => Encoding.UTF8.GetString(secret);

    private static QmpException NoPriority() => new("Parameter 'priority' is not supported: it is a list for GnuTLS, and this is OpenSSL");
}
