namespace BlockUring.Qmp.Objects;

/// <summary>A type of objects.</summary>
internal sealed class QomType
{
    private const string UserCreatable = "user-creatable";

    private QomType(string name, QomType? parent, bool isAbstract, bool isUserCreatable = false, params QomProperty[] properties)
    {
        Name = name;
        Parent = parent;
        IsAbstract = isAbstract;
        IsUserCreatable = isUserCreatable;
        Properties = [new("type", "string", n => QomProperty.Text(n.Type.Name)), .. properties];
    }

    /// <summary>What everything is.</summary>
    public static QomType Object { get; } = new("object", null, true);

    /// <summary>A folder.</summary>
    public static QomType Container { get; } = new("container", Object, false);

    /// <summary>A character device.</summary>
    public static QomType Chardev { get; } = new("chardev", Object, true);

    /// <summary>What has an event loop.</summary>
    public static QomType EventLoopBase { get; } = new("event-loop-base", Object, true);

    /// <summary>An I/O thread.</summary>
    public static QomType IoThread { get; } = new("iothread", EventLoopBase, false, true, IoThreadObject.PropertyList);

    /// <summary>What keeps something secret.</summary>
    public static QomType SecretCommon { get; } = new("secret_common", Object, true);

    /// <summary>A password or key.</summary>
    public static QomType Secret { get; } = new("secret", SecretCommon, false, true, SecretObject.PropertyList);

    /// <summary>Limits that nodes share.</summary>
    public static QomType ThrottleGroup { get; } = new("throttle-group", Object, false, true, ThrottleGroupObject.PropertyList);

    /// <summary>What two sides of an encrypted connection are known by.</summary>
    public static QomType TlsCreds { get; } = new("tls-creds", Object, true);

    /// <summary>Nothing.</summary>
    public static QomType TlsCredsAnon { get; } = new("tls-creds-anon", TlsCreds, false, true, TlsAnonymousObject.PropertyList);

    /// <summary>Keys that both have.</summary>
    public static QomType TlsCredsPsk { get; } = new("tls-creds-psk", TlsCreds, false, true, TlsSharedKeyObject.PropertyList);

    /// <summary>Certificates.</summary>
    public static QomType TlsCredsX509 { get; } = new("tls-creds-x509", TlsCreds, false, true, TlsCertificateObject.PropertyList);

    /// <summary>What decides who is let in.</summary>
    public static QomType Authz { get; } = new("authz", Object, true);

    /// <summary>One who is.</summary>
    public static QomType AuthzSimple { get; } = new("authz-simple", Authz, false, true, SimpleAuthorization.PropertyList);

    /// <summary>Rules.</summary>
    public static QomType AuthzList { get; } = new("authz-list", Authz, false, true, ListAuthorization.PropertyList);

    /// <summary>All types.</summary>
    public static IReadOnlyList<QomType> All { get; } =
    [
        AuthzSimple, Container, TlsCredsAnon, IoThread, TlsCredsPsk, TlsCreds, AuthzList, Authz, TlsCredsX509, Secret, SecretCommon, EventLoopBase,
        Chardev, Object, ThrottleGroup,
    ];

    /// <summary>Its name.</summary>
    public string Name { get; }

    /// <summary>The type that it is one of.</summary>
    public QomType? Parent { get; }

    /// <summary>Whether it has no objects itself.</summary>
    public bool IsAbstract { get; }

    /// <summary>Whether object-add makes objects of it.</summary>
    public bool IsUserCreatable { get; }

    /// <summary>What its objects have.</summary>
    public IReadOnlyList<QomProperty> Properties { get; }

    /// <summary>Whether an object of this type is one of <paramref name="name"/>, too.</summary>
    public bool Is(string name) => Name == name || (name == UserCreatable && IsUserCreatable) || (Parent?.Is(name) ?? false);

    /// <summary>A property by name.</summary>
    /// <exception cref="QmpException">There is none.</exception>
    public QomProperty Property(string name) =>
        Properties.FirstOrDefault(p => p.Name == name) ?? throw new QmpException($"Property '{Name}.{name}' not found");
}
