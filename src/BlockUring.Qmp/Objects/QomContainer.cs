namespace BlockUring.Qmp.Objects;

/// <summary>A folder of objects.</summary>
internal sealed class QomContainer(string id, string parentPath, IEnumerable<QomNode> children) : QomNode(QomType.Container, id, parentPath)
{
    /// <inheritdoc/>
    public override IEnumerable<QomNode> Children => children;
}
