using BlockUring.Qmp.Objects;

namespace BlockUring.Qmp.Commands;

/// <summary>qom-list-properties.</summary>
internal sealed class QomListPropertiesCommand() : QmpCommand<QomTypeArguments, IReadOnlyList<PropertyInfo>>(
    "qom-list-properties", QmpJson.Default.QomTypeArguments, QmpJson.Default.IReadOnlyListPropertyInfo)
{
    /// <inheritdoc/>
    protected override ValueTask<IReadOnlyList<PropertyInfo>> RunAsync(MonitorContext context, QomTypeArguments arguments)
    {
        var type = QomType.All.FirstOrDefault(t => t.Name == arguments.Typename)
            ?? throw new QmpException($"Class '{arguments.Typename}' not found", QmpErrorClass.DeviceNotFound);
        return new([.. type.Properties.Select(p => new PropertyInfo(p.Name, p.Type))]);
    }
}
