namespace BlockUring.Qmp.Objects;

/// <summary>An object that a client has made.</summary>
internal abstract class UserObject(QomType type, string id) : QomNode(type, id, "/objects")
{
    /// <summary>Whether others refer to it; it cannot be removed before they stop.</summary>
    public virtual bool IsInUse => false;

    /// <summary>What a node that refers to the object gets; null when nodes have no use for it.</summary>
    public virtual object? Service => null;

    /// <summary>Checks it as a whole and makes it ready, after it has got its id.</summary>
    /// <exception cref="QmpException">It is wrong.</exception>
    public virtual ValueTask CompleteAsync(MonitorContext context) => default;
}
