using BlockUring.Qmp.Objects;

namespace BlockUring.Qmp.Commands;

/// <summary>qom-list.</summary>
internal sealed class QomListCommand()
    : QmpCommand<QomPathArguments, IReadOnlyList<PropertyInfo>>("qom-list", QmpJson.Default.QomPathArguments, QmpJson.Default.IReadOnlyListPropertyInfo)
{
    /// <inheritdoc/>
    protected override ValueTask<IReadOnlyList<PropertyInfo>> RunAsync(MonitorContext context, QomPathArguments arguments)
    {
        var node = QomPath.Resolve(QomPath.TreeOf(context), arguments.Path);
        return new([
            .. node.Type.Properties.Select(p => new PropertyInfo(p.Name, p.Type)),
            .. node.Children.Select(c => new PropertyInfo(c.Id, $"child<{c.Type.Name}>")),
        ]);
    }
}
