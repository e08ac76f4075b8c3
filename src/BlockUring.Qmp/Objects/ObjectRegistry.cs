using System.Text.Json;
using BlockUring.Storage;

namespace BlockUring.Qmp.Objects;

/// <summary>The objects that clients have made.</summary>
internal sealed class ObjectRegistry
{
    private readonly List<UserObject> objects = [];

    /// <summary>All of them, in the order of their creation.</summary>
    public IReadOnlyList<UserObject> All => objects;

    /// <summary>Whether there was an object ever: before, its folder does not exist either.</summary>
    public bool WasUsed { get; private set; }

    /// <summary>Makes an object.</summary>
    /// <param name="context">What it belongs to.</param>
    /// <param name="options">An ObjectOptions of the definition.</param>
    /// <exception cref="QmpException">They are wrong.</exception>
    public async ValueTask AddAsync(MonitorContext context, JsonElement options)
    {
        var id = options.GetProperty("id").GetString()!;
        if (!Identifier.IsOne(id))
            throw new QmpException("Parameter 'id' expects an identifier");
        var made = Make(options.GetProperty("qom-type").GetString()!, id, options);
        WasUsed = true;
        if (objects.Exists(o => o.Id == id))
            throw new QmpException($"attempt to add duplicate property '{id}' to object (type 'container')");
        objects.Add(made);
        try
        {
            await made.CompleteAsync(context);
        }
        catch
        {
            objects.Remove(made);
            throw;
        }
    }

    /// <summary>Removes an object.</summary>
    /// <exception cref="QmpException">There is none, or others refer to it.</exception>
    public void Remove(string id)
    {
        var found = objects.Find(o => o.Id == id) ?? throw new QmpException($"object '{id}' not found");
        if (found.IsInUse)
            throw new QmpException($"object '{id}' is in use, can not be deleted");
        objects.Remove(found);
    }

    /// <summary>Finds an object of a type; null when there is none.</summary>
    public T? Find<T>(string id)
        where T : UserObject => objects.Find(o => o.Id == id) as T;

    /// <summary>What a node gets that refers to an object.</summary>
    /// <exception cref="BlockException">There is none of this type and name.</exception>
    public object FindService(string type, string id) =>
        objects.Find(o => o.Id == id && o.Type.Name == type)?.Service ?? throw new BlockException(BlockErrorKind.NotFound, NotFound(type, id));

    /// <summary>Finds credentials for one side of encrypted connections.</summary>
    /// <exception cref="QmpException">There are none of this name, or they are for the other side.</exception>
    public TlsCredentials FindTls(string id, bool forServer)
    {
        var found = objects.Find(o => o.Id == id) ?? throw new QmpException($"No TLS credentials with id '{id}'");
        var credentials = found as TlsCredentials ?? throw new QmpException($"Object with id '{id}' is not TLS credentials");
        if (credentials.IsServer != forServer)
            throw new QmpException($"Expected TLS credentials for a {(forServer ? "server" : "client")} endpoint");
        return credentials;
    }

    private string NotFound(string type, string id) => type switch
    {
        "throttle-group" => $"Throttle group '{id}' does not exist",
        "secret" when objects.Exists(o => o.Id == id) => $"Object with id '{id}' is not a secret",
        "secret" => $"No secret with id '{id}'",
        _ => $"Object '{id}' of type '{type}' does not exist",
    };

    private static UserObject Make(string type, string id, JsonElement options) => type switch
    {
        "authz-list" => new ListAuthorization(id, options),
        "authz-simple" => new SimpleAuthorization(id, options),
        "iothread" => new IoThreadObject(id, options),
        "secret" => new SecretObject(id, options),
        "throttle-group" => new ThrottleGroupObject(id, options),
        "tls-creds-anon" => new TlsAnonymousObject(id, options),
        "tls-creds-psk" => new TlsSharedKeyObject(id, options),
        "tls-creds-x509" => new TlsCertificateObject(id, options),
        _ => throw new InvalidOperationException($"Objects of type {type} are defined and cannot be made."),
    };
}
