using System.Text;
using System.Text.Json;

namespace BlockUring.Qmp.Objects;

/// <summary>A password or key, given directly or in a file, in plain or encrypted by another one.</summary>
internal sealed class SecretObject : UserObject
{
    private readonly SecretDefinition definition;

    public SecretObject(string id, JsonElement options)
        : base(QomType.Secret, id)
    {
        definition = new SecretDefinition(
            TextOf(options, "data"), TextOf(options, "file"), TextOf(options, "format"), TextOf(options, "keyid"), TextOf(options, "iv"));
    }

    /// <summary>What such objects have.</summary>
    public static QomProperty[] PropertyList { get; } =
    [
        new("iv", "string", n => QomProperty.Text(((SecretObject)n).definition.Iv ?? ""), Refuse),
        new("keyid", "string", n => QomProperty.Text(((SecretObject)n).definition.KeyId ?? ""), Refuse),
        new("loaded", "bool", n => JsonElement.Parse(((SecretObject)n).Content == null ? "false" : "true"), Refuse),
        new("format", "QCryptoSecretFormat", n => QomProperty.Text(((SecretObject)n).definition.Format ?? "raw"), Refuse),
        new("file", "string", n => QomProperty.Text(((SecretObject)n).definition.File ?? ""), Refuse),
        new("data", "string", n => QomProperty.Text(((SecretObject)n).definition.Data ?? ""), Refuse),
    ];

    /// <summary>The secret itself, once it is loaded.</summary>
    public byte[]? Content { get; private set; }

    /// <inheritdoc/>
    public override object? Service => Content;

    /// <inheritdoc/>
    public override async ValueTask CompleteAsync(MonitorContext context)
    {
        definition.DemandOne();
        Content = definition.Decode(await GivenAsync(context), id => KeyOf(context, id));
    }

    private async ValueTask<byte[]> GivenAsync(MonitorContext context)
    {
        if (definition.Data != null)
            return Encoding.UTF8.GetBytes(definition.Data);
        var load = definition.NewLoad();
        await context.Scheduler.OffloadAsync(load);
        return definition.ContentOf(load);
    }

    /// <summary>What a secret holds.</summary>
    /// <exception cref="QmpException">There is none of this name.</exception>
    public static byte[] KeyOf(MonitorContext context, string id)
    {
        var found = context.Objects.Find<UserObject>(id) ?? throw new QmpException($"No secret with id '{id}'");
        var secret = found as SecretObject ?? throw new QmpException($"Object with id '{id}' is not a secret");
        return secret.Content ?? throw new QmpException($"Secret with id '{id}' has no data");
    }

    private static string? TextOf(JsonElement options, string name) => options.TryGetProperty(name, out var value) ? value.GetString() : null;

    private static void Refuse(QomNode node, JsonElement value) => throw new QmpException("Property cannot be set after initialization");
}
