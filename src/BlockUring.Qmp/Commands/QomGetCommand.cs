using System.Text.Json;
using BlockUring.Qmp.Objects;

namespace BlockUring.Qmp.Commands;

/// <summary>qom-get.</summary>
internal sealed class QomGetCommand()
    : QmpCommand<QomGetArguments, JsonElement>("qom-get", QmpJson.Default.QomGetArguments, QmpJson.Default.JsonElement)
{
    /// <inheritdoc/>
    protected override ValueTask<JsonElement> RunAsync(MonitorContext context, QomGetArguments arguments)
    {
        var node = QomPath.Resolve(QomPath.TreeOf(context), arguments.Path);
        var child = node.Children.FirstOrDefault(c => c.Id == arguments.Property);
        if (child != null)
            return new(QomProperty.Text(child.Path));
        return new(node.Type.Property(arguments.Property).Get(node));
    }
}
