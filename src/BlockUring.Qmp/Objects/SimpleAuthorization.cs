using System.Text.Json;

namespace BlockUring.Qmp.Objects;

/// <summary>Lets one client in.</summary>
internal sealed class SimpleAuthorization(string id, JsonElement options) : UserObject(QomType.AuthzSimple, id), IAuthorization
{
    private string identity = options.GetProperty("identity").GetString()!;

    /// <summary>What such objects have.</summary>
    public static QomProperty[] PropertyList { get; } =
    [
        new(
            "identity",
            "string",
            n => QomProperty.Text(((SimpleAuthorization)n).identity),
            (n, value) => ((SimpleAuthorization)n).identity = QomProperty.TextOf("identity", value)),
    ];

    /// <inheritdoc/>
    public bool Allows(string name) => name == identity;
}
