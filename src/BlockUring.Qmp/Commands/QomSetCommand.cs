using BlockUring.Qmp.Objects;

namespace BlockUring.Qmp.Commands;

/// <summary>qom-set.</summary>
internal sealed class QomSetCommand() : QmpCommand<QomSetArguments, NoResult>("qom-set", QmpJson.Default.QomSetArguments, QmpJson.Default.NoResult)
{
    /// <inheritdoc/>
    protected override ValueTask<NoResult> RunAsync(MonitorContext context, QomSetArguments arguments)
    {
        var node = QomPath.Resolve(QomPath.TreeOf(context), arguments.Path);
        var property = node.Type.Property(arguments.Property);
        if (property.Set == null)
            throw new QmpException($"Property '{node.Type.Name}.{property.Name}' is not writable");
        property.Set(node, arguments.Value);
        return new(NoResult.Value);
    }
}
