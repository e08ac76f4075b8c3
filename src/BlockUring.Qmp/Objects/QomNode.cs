namespace BlockUring.Qmp.Objects;

/// <summary>Something that has a path, a type and properties.</summary>
/// <param name="type">What it is.</param>
/// <param name="id">Its name below its parent.</param>
/// <param name="parentPath">The path of its parent, "" for the root.</param>
internal abstract class QomNode(QomType type, string id, string parentPath)
{
    /// <summary>What it is.</summary>
    public QomType Type => type;

    /// <summary>Its name below its parent.</summary>
    public string Id => id;

    /// <summary>Its absolute path.</summary>
    public string Path => $"{parentPath}/{id}";

    /// <summary>What lies below it.</summary>
    public virtual IEnumerable<QomNode> Children => [];
}
