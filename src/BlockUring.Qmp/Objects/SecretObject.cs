using System.Text;
using System.Text.Json;
using BlockUring.Native.Interop;
using BlockUring.Native.Uring;

namespace BlockUring.Qmp.Objects;

/// <summary>A password or key, given directly or in a file, in plain or encrypted by another one.</summary>
internal sealed class SecretObject : UserObject
{
    private const int MaxBytes = 1 << 20;

    private readonly string? data;
    private readonly string? file;
    private readonly string? keyId;
    private readonly string? iv;
    private readonly string format;

    public SecretObject(string id, JsonElement options)
        : base(QomType.Secret, id)
    {
        data = TextOf(options, "data");
        file = TextOf(options, "file");
        keyId = TextOf(options, "keyid");
        iv = TextOf(options, "iv");
        format = TextOf(options, "format") ?? "raw";
    }

    /// <summary>What such objects have.</summary>
    public static QomProperty[] PropertyList { get; } =
    [
        new("iv", "string", n => QomProperty.Text(((SecretObject)n).iv ?? ""), Refuse),
        new("keyid", "string", n => QomProperty.Text(((SecretObject)n).keyId ?? ""), Refuse),
        new("loaded", "bool", n => JsonElement.Parse(((SecretObject)n).Content == null ? "false" : "true"), Refuse),
        new("format", "QCryptoSecretFormat", n => QomProperty.Text(((SecretObject)n).format), Refuse),
        new("file", "string", n => QomProperty.Text(((SecretObject)n).file ?? ""), Refuse),
        new("data", "string", n => QomProperty.Text(((SecretObject)n).data ?? ""), Refuse),
    ];

    /// <summary>The secret itself, once it is loaded.</summary>
    public byte[]? Content { get; private set; }

    /// <inheritdoc/>
    public override async ValueTask CompleteAsync(MonitorContext context)
    {
        if (data != null && file != null)
            throw new QmpException("'file' and 'data' are mutually exclusive");
        if (data == null && file == null)
            throw new QmpException("Either 'file' or 'data' must be provided");
        var given = data != null ? Encoding.UTF8.GetBytes(data) : await LoadAsync(context.Scheduler, file!);
        if (keyId != null)
            Content = SecretDecryption.Run(KeyOf(context, keyId), iv, format, given);
        else
            Content = format == "base64" ? Base64Text.Decode(given) : given;
    }

    private static byte[] KeyOf(MonitorContext context, string id)
    {
        var found = context.Objects.Find<UserObject>(id) ?? throw new QmpException($"No secret with id '{id}'");
        var secret = found as SecretObject ?? throw new QmpException($"Object with id '{id}' is not a secret");
        return secret.Content ?? throw new QmpException($"Secret with id '{id}' has no data");
    }

    private static async ValueTask<byte[]> LoadAsync(Scheduler scheduler, string path)
    {
        var load = new FileLoad(path, MaxBytes + 1);
        await scheduler.OffloadAsync(load);
        if (load.ErrorNumber == 0 && load.Content.Length <= MaxBytes)
            return load.Content;
        var reason = load.ErrorNumber == 0 ? $"more than {MaxBytes} bytes"
            : $"{(load.ErrorNumber == Errno.EISDIR ? "Error reading file" : "Failed to open file")} “{path}”: {Errno.Message(load.ErrorNumber)}";
        throw new QmpException($"Unable to read {path}: {reason}");
    }

    private static string? TextOf(JsonElement options, string name) => options.TryGetProperty(name, out var value) ? value.GetString() : null;

    private static void Refuse(QomNode node, JsonElement value) => throw new QmpException("Property cannot be set after initialization");
}
